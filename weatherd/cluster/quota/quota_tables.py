"""The statements that hand out the calls of the services' plans to the nodes, in the table weatherd_quota.

``allotted`` grows before a call is made and never beyond ``most``, so that no order of nodes, losses of connections and
ends of nodes can exceed a plan: at worst, calls are handed out that nobody makes.
"""

from __future__ import annotations

# Rows in the order of the key, so that two nodes that ask at once lock them in the same order.
# RETURNING has the new row only, hence the column ``granted``: the calls for the node that asked last.
GRANT_CALLS = """
INSERT INTO weatherd_quota AS q (provider, win, started, most, allotted, granted)
SELECT p, w, s, lim, least(want, lim), least(want, lim)
FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::float8[]) AS a (p, w, s, want, lim) ORDER BY p, w, s
ON CONFLICT (provider, win, started) DO UPDATE SET most = excluded.most,
  granted = greatest(0, least(excluded.allotted, excluded.most - q.allotted)),
  allotted = q.allotted + greatest(0, least(excluded.allotted, excluded.most - q.allotted))
RETURNING provider, win, started, granted, allotted
"""

# The rows are locked in the order of the key here, too: an UPDATE alone may lock them in any order.
RETURN_CALLS = """
WITH a AS (
  SELECT q.provider, q.win, q.started, returned.calls FROM weatherd_quota AS q
  JOIN unnest($1::text[], $2::text[], $3::float8[], $4::float8[]) AS returned (provider, win, started, calls)
    ON (q.provider, q.win, q.started) = (returned.provider, returned.win, returned.started)
  ORDER BY q.provider, q.win, q.started FOR UPDATE OF q
)
UPDATE weatherd_quota AS q SET allotted = greatest(0, q.allotted - a.calls)
FROM a WHERE (q.provider, q.win, q.started) = (a.provider, a.win, a.started)
"""

FORGET_CALLS = "DELETE FROM weatherd_quota WHERE started < $1"
