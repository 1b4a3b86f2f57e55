"""Isolation of the items that make a whole batch fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

from weatherd.errors import Failure, ProviderError

_Item = TypeVar("_Item", bound=Hashable)
_Result = TypeVar("_Result")
SendBatch = Callable[[Sequence[_Item]], Awaitable[Sequence[_Result | ProviderError]]]

_ITEM_FAILURES = (Failure.REJECTED, Failure.MALFORMED, Failure.BROKEN)  # that one item may cause for the whole batch
_MAX_REQUESTS = 40  # for one batch


class Bisected(NamedTuple, Generic[_Item, _Result]):
    """The result of a bisected batch."""

    outcomes: list[_Result | ProviderError]  # one for each item, in their order
    culprits: set[_Item]  # that failed in a request of their own


async def bisect(
    send: SendBatch[_Item, _Result], items: Sequence[_Item], *, max_requests: int = _MAX_REQUESTS
) -> Bisected[_Item, _Result]:
    """Send *items* in one request; bisect a request that fails if a single item may be the cause.

    For example, when 2 is the culprit among 0 to 7, the requests are 01234567, 0123, 4567, 01, 2, 3: at most two for
    each halving, ``1 + 2 * ceil(log2(len(items)))`` for one culprit. A second half that must be at fault, such as 23
    after 01 has succeeded, is not sent as a whole. Items that are still together when *max_requests* is
    reached get the error of their request, and so do all items of a request with a failure of another kind.

    *send* returns an outcome for each item that it is given, or raises ProviderError for all of them.
    """
    search = _Search(send, max_requests)
    return Bisected(await search.send(items), search.culprits)


class _Search(Generic[_Item, _Result]):
    """The recursion of one bisection, with the requests that are left and the culprits found so far."""

    def __init__(self, send: SendBatch[_Item, _Result], max_requests: int) -> None:
        self.culprits: set[_Item] = set()
        self._send = send
        self._requests_left = max_requests

    async def send(self, items: Sequence[_Item]) -> list[_Result | ProviderError]:
        """Return an outcome for each item."""
        return await self._resolve(items, await self._attempt(items))

    async def _attempt(self, items: Sequence[_Item]) -> list[_Result | ProviderError] | ProviderError:
        """Make one request; return the error instead of raising it."""
        self._requests_left -= 1
        try:
            outcomes = list(await self._send(items))
        except ProviderError as error:
            return error.copy_for()  # without the traceback, because its frames would refer to the error: a cycle
        if len(outcomes) != len(items):
            raise ValueError(f"{len(items)} items were sent, {len(outcomes)} outcomes came back")
        return outcomes

    async def _resolve(
        self, items: Sequence[_Item], attempt: list[_Result | ProviderError] | ProviderError
    ) -> list[_Result | ProviderError]:
        outcomes = await self._split(items, attempt) if isinstance(attempt, ProviderError) else attempt
        if len(items) == 1 and isinstance(outcomes[0], ProviderError) and outcomes[0].failure in _ITEM_FAILURES:
            self.culprits.update(items)
        return outcomes

    async def _split(self, items: Sequence[_Item], error: ProviderError) -> list[_Result | ProviderError]:
        """Send the halves of *items*, which failed together with *error*, and resolve each."""
        if len(items) == 1 or error.failure not in _ITEM_FAILURES or self._requests_left < 2:  # noqa: PLR2004 - halves
            return [error.copy_for(index) for index in range(len(items))]
        middle = len(items) // 2
        halves = [items[:middle], items[middle:]]
        attempts = [await self._attempt(halves[0])]
        if isinstance(attempts[0], ProviderError) or len(halves[1]) == 1:
            attempts.append(await self._attempt(halves[1]))
        else:  # the culprit is in the second half: it would fail as a whole, so only its halves are sent
            attempts.append(error.copy_for())
        errors = [attempt for attempt in attempts if isinstance(attempt, ProviderError)]
        if error.failure is Failure.BROKEN and len(errors) == len(halves):  # the service fails, whatever the items are
            pause = next((half_error for half_error in errors if half_error.retry_spacing is not None), error)
            return [pause.copy_for(index) for index in range(len(items))]
        outcomes = [await self._resolve(half, attempt) for half, attempt in zip(halves, attempts, strict=True)]
        return outcomes[0] + outcomes[1]


class IsolatingSender(Generic[_Item, _Result]):
    """A sender of batches that bisects failed ones, and sends each known culprit alone until it succeeds.

    An item that the service never accepts then costs one request at each poll instead of a bisection.
    """

    def __init__(self, send: SendBatch[_Item, _Result]) -> None:
        self._send = send
        self._culprits: set[_Item] = set()

    async def send(self, items: Sequence[_Item]) -> list[_Result | ProviderError]:
        """Return an outcome for each item, in their order."""
        if not self._culprits:
            return await self._bisect(items)
        alone = [index for index, item in enumerate(items) if item in self._culprits]
        together = [index for index in range(len(items)) if index not in alone]
        outcomes: dict[int, _Result | ProviderError] = {}
        for group in (together, *([index] for index in alone)):
            if group:
                resolved = await self._bisect([items[index] for index in group])
                outcomes.update(zip(group, resolved, strict=True))
        return [outcomes[index] for index in range(len(items))]

    async def _bisect(self, items: Sequence[_Item]) -> list[_Result | ProviderError]:
        """Return an outcome for each item, and update the culprits."""
        bisected = await bisect(self._send, items)
        if self._culprits:  # because the hashes of a batch of cities take 40 us
            self._culprits.difference_update(items)
        self._culprits |= bisected.culprits
        return bisected.outcomes
