"""Data of the gazetteer: well-known places of every continent, including some that share a name.

The data are approximate. Ids are those of GeoNames where known; the others count up from 90,000,001, a range that
GeoNames does not use.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

# id, name, latitude, longitude, elevation in m, population, feature code, country, admin1, time zone, other names
_TABLE = """
2950159|Berlin|52.52437|13.41053|74|3426354|PPLC|DE|State of Berlin|Europe/Berlin|
2911298|Hamburg|53.55073|9.99302|8|1845229|PPLA|DE|Free and Hanseatic City of Hamburg|Europe/Berlin|
2867714|Munich|48.13743|11.57549|524|1512491|PPLA|DE|Bavaria|Europe/Berlin|München,Muenchen
2886242|Cologne|50.93333|6.95|58|1073096|PPLA2|DE|North Rhine-Westphalia|Europe/Berlin|Köln,Koeln
2925533|Frankfurt am Main|50.11552|8.68417|113|753056|PPL|DE|Hesse|Europe/Berlin|Frankfurt
2925535|Frankfurt (Oder)|52.34714|14.55062|29|57015|PPL|DE|Brandenburg|Europe/Berlin|
2825297|Stuttgart|48.78232|9.17702|252|630305|PPLA|DE|Baden-Württemberg|Europe/Berlin|
2934246|Düsseldorf|51.22172|6.77616|45|620523|PPLA|DE|North Rhine-Westphalia|Europe/Berlin|Duesseldorf
2879139|Leipzig|51.33962|12.37129|116|587857|PPL|DE|Saxony|Europe/Berlin|
2935022|Dresden|51.05089|13.73832|117|556227|PPLA|DE|Saxony|Europe/Berlin|
2910831|Hanover|52.37052|9.73322|57|515140|PPLA|DE|Lower Saxony|Europe/Berlin|Hannover
2861650|Nuremberg|49.45421|11.07752|309|515543|PPLA2|DE|Bavaria|Europe/Berlin|Nürnberg,Nuernberg
2944388|Bremen|53.07582|8.80717|11|546501|PPLA|DE|Bremen|Europe/Berlin|
2891122|Kiel|54.32133|10.13489|5|246601|PPLA|DE|Schleswig-Holstein|Europe/Berlin|
2875601|Lübeck|53.86893|10.68729|10|216712|PPL|DE|Schleswig-Holstein|Europe/Berlin|Luebeck
2844588|Rostock|54.0887|12.14049|13|209920|PPL|DE|Mecklenburg-Western Pomerania|Europe/Berlin|
2925177|Freiburg|47.9959|7.85222|278|215966|PPL|DE|Baden-Württemberg|Europe/Berlin|
2643743|London|51.50853|-0.12574|25|8961989|PPLC|GB|England|Europe/London|
2655603|Birmingham|52.48142|-1.89983|149|1144919|PPLA2|GB|England|Europe/London|
2643123|Manchester|53.48095|-2.23743|51|395515|PPLA2|GB|England|Europe/London|
2648579|Glasgow|55.86515|-4.25763|40|626410|PPLA2|GB|Scotland|Europe/London|
2650225|Edinburgh|55.95206|-3.19648|59|464990|PPLA|GB|Scotland|Europe/London|
2653822|Cardiff|51.48|-3.18|12|447287|PPLA|GB|Wales|Europe/London|
2655984|Belfast|54.59682|-5.92541|15|274770|PPLA|GB|Northern Ireland|Europe/London|
2653941|Cambridge|52.2|0.11667|16|158434|PPLA2|GB|England|Europe/London|
2964574|Dublin|53.33306|-6.24889|8|1024027|PPLC|IE|Leinster|Europe/Dublin|
2988507|Paris|48.85341|2.3488|42|2138551|PPLC|FR|Île-de-France|Europe/Paris|
2995469|Marseille|43.29695|5.38107|28|870731|PPLA|FR|Provence-Alpes-Côte d'Azur|Europe/Paris|
2996944|Lyon|45.74846|4.84671|173|522250|PPLA|FR|Auvergne-Rhône-Alpes|Europe/Paris|
2972315|Toulouse|43.60426|1.44367|150|493465|PPLA|FR|Occitanie|Europe/Paris|
2973783|Strasbourg|48.58392|7.74553|143|274845|PPLA|FR|Grand Est|Europe/Paris|Straßburg
2759794|Amsterdam|52.37403|4.88969|13|741636|PPLC|NL|North Holland|Europe/Amsterdam|
2747891|Rotterdam|51.9225|4.47917|-1|598199|PPL|NL|South Holland|Europe/Amsterdam|
2756071|Enschede|52.21833|6.89583|45|153655|PPL|NL|Overijssel|Europe/Amsterdam|
2800866|Brussels|50.85045|4.34878|28|1019022|PPLC|BE|Brussels Capital|Europe/Brussels|Bruxelles,Brussel
2960316|Luxembourg|49.61167|6.13|306|76684|PPLC|LU|Luxembourg|Europe/Luxembourg|
2657896|Zurich|47.36667|8.55|429|341730|PPLA|CH|Zurich|Europe/Zurich|Zürich,Zuerich
2661552|Bern|46.94809|7.44744|549|121631|PPLC|CH|Bern|Europe/Zurich|
2660646|Geneva|46.20222|6.14569|375|183981|PPLA|CH|Geneva|Europe/Zurich|Genève,Genf
2761369|Vienna|48.20849|16.37208|171|1691468|PPLC|AT|Vienna|Europe/Vienna|Wien
2766824|Salzburg|47.79941|13.04399|427|150269|PPLA|AT|Salzburg|Europe/Vienna|
2775220|Innsbruck|47.26266|11.39454|576|132493|PPLA|AT|Tyrol|Europe/Vienna|
3169070|Rome|41.89193|12.51133|52|2318895|PPLC|IT|Lazio|Europe/Rome|Roma
3173435|Milan|45.46427|9.18951|120|1371498|PPLA|IT|Lombardy|Europe/Rome|Milano
3172394|Naples|40.85216|14.26811|17|909048|PPLA|IT|Campania|Europe/Rome|Napoli
3164603|Venice|45.43713|12.33265|1|51298|PPLA|IT|Veneto|Europe/Rome|Venezia
3117735|Madrid|40.4165|-3.70256|665|3255944|PPLC|ES|Madrid|Europe/Madrid|
3128760|Barcelona|41.38879|2.15899|47|1620343|PPLA|ES|Catalonia|Europe/Madrid|
2510911|Seville|37.38283|-5.97317|16|684234|PPLA|ES|Andalusia|Europe/Madrid|Sevilla
2267057|Lisbon|38.72509|-9.1498|45|517802|PPLC|PT|Lisbon|Europe/Lisbon|Lisboa
2735943|Porto|41.1485|-8.6109|85|249633|PPLA|PT|Porto|Europe/Lisbon|
2618425|Copenhagen|55.67594|12.56553|14|1153615|PPLC|DK|Capital Region|Europe/Copenhagen|København
2624652|Aarhus|56.15674|10.21076|34|285273|PPL|DK|Central Jutland|Europe/Copenhagen|Århus
3143244|Oslo|59.91273|10.74609|26|580000|PPLC|NO|Oslo|Europe/Oslo|
3133895|Tromsø|69.6489|18.95508|9|52436|PPLA|NO|Troms|Europe/Oslo|Tromso,Tromsoe
2729907|Longyearbyen|78.22334|15.64689|10|2060|PPLC|SJ|Svalbard|Arctic/Longyearbyen|
2673730|Stockholm|59.32938|18.06871|17|1515017|PPLC|SE|Stockholm|Europe/Stockholm|
2711537|Gothenburg|57.70716|11.96679|10|572799|PPLA|SE|Västra Götaland|Europe/Stockholm|Göteborg
2692969|Malmö|55.60587|13.00073|12|301706|PPLA2|SE|Skåne|Europe/Stockholm|
658225|Helsinki|60.16952|24.93545|26|558457|PPLC|FI|Uusimaa|Europe/Helsinki|
3413829|Reykjavik|64.13548|-21.89541|37|118918|PPLC|IS|Capital Region|Atlantic/Reykjavik|Reykjavík
588409|Tallinn|59.43696|24.75353|9|394024|PPLC|EE|Harjumaa|Europe/Tallinn|
456172|Riga|56.946|24.10589|10|742572|PPLC|LV|Riga|Europe/Riga|
593116|Vilnius|54.68916|25.2798|124|542366|PPLC|LT|Vilnius|Europe/Vilnius|
756135|Warsaw|52.22977|21.01178|113|1702139|PPLC|PL|Mazovia|Europe/Warsaw|Warszawa
3094802|Krakow|50.06143|19.93658|219|755050|PPLA|PL|Lesser Poland|Europe/Warsaw|Kraków
3067696|Prague|50.08804|14.42076|202|1165581|PPLC|CZ|Prague|Europe/Prague|Praha
3060972|Bratislava|48.14816|17.10674|157|423737|PPLC|SK|Bratislava|Europe/Bratislava|
3054643|Budapest|47.49835|19.04045|104|1741041|PPLC|HU|Budapest|Europe/Budapest|
683506|Bucharest|44.43225|26.10626|83|1877155|PPLC|RO|Bucharest|Europe/Bucharest|București
727011|Sofia|42.69751|23.32415|562|1152556|PPLC|BG|Sofia-Capital|Europe/Sofia|София
792680|Belgrade|44.80401|20.46513|120|1273651|PPLC|RS|Central Serbia|Europe/Belgrade|Beograd,Београд
3186886|Zagreb|45.81444|15.97798|130|698966|PPLC|HR|City of Zagreb|Europe/Zagreb|
3196359|Ljubljana|46.05108|14.50513|298|272220|PPLC|SI|Ljubljana|Europe/Ljubljana|
264371|Athens|37.98376|23.72784|70|664046|PPLC|GR|Attica|Europe/Athens|Athína,Αθήνα
745044|Istanbul|41.01384|28.94966|39|14804116|PPLA|TR|Istanbul|Europe/Istanbul|İstanbul
703448|Kyiv|50.45466|30.5238|187|2797553|PPLC|UA|Kyiv City|Europe/Kyiv|Kiev,Київ,Киев
524901|Moscow|55.75222|37.61556|144|10381222|PPLC|RU|Moscow|Europe/Moscow|Moskva,Москва
498817|Saint Petersburg|59.93863|30.31413|11|5351935|PPLA|RU|St.-Petersburg|Europe/Moscow|St Petersburg,Санкт-Петербург
1496747|Novosibirsk|55.0415|82.9346|150|1612833|PPLA|RU|Novosibirsk Oblast|Asia/Novosibirsk|Новосибирск
2013159|Yakutsk|62.03389|129.73306|98|235600|PPLA|RU|Sakha|Asia/Yakutsk|Якутск
5128581|New York|40.71427|-74.00597|10|8804190|PPL|US|New York|America/New_York|New York City
5368361|Los Angeles|34.05223|-118.24368|89|3898747|PPLA2|US|California|America/Los_Angeles|
4887398|Chicago|41.85003|-87.65005|179|2746388|PPLA2|US|Illinois|America/Chicago|
4699066|Houston|29.76328|-95.36327|30|2304580|PPLA2|US|Texas|America/Chicago|
5391959|San Francisco|37.77493|-122.41942|28|873965|PPLA2|US|California|America/Los_Angeles|
5809844|Seattle|47.60621|-122.33207|56|737015|PPLA2|US|Washington|America/Los_Angeles|
5419384|Denver|39.73915|-104.9847|1609|715522|PPLA|US|Colorado|America/Denver|
4164138|Miami|25.77427|-80.19366|25|442241|PPLA2|US|Florida|America/New_York|
4140963|Washington|38.89511|-77.03637|6|689545|PPLC|US|District of Columbia|America/New_York|
4930956|Boston|42.35843|-71.05977|38|675647|PPLA|US|Massachusetts|America/New_York|
4717560|Paris|33.66094|-95.55551|183|24782|PPLA2|US|Texas|America/Chicago|
4250542|Springfield|39.80172|-89.64371|182|116250|PPLA|US|Illinois|America/Chicago|
4409896|Springfield|37.21533|-93.29824|396|170188|PPLA2|US|Missouri|America/Chicago|
4951788|Springfield|42.10148|-72.58981|21|155929|PPLA2|US|Massachusetts|America/New_York|
5746545|Portland|45.52345|-122.67621|15|652503|PPLA2|US|Oregon|America/Los_Angeles|
4975802|Portland|43.66147|-70.25533|19|68408|PPLA2|US|Maine|America/New_York|
4049979|Birmingham|33.52066|-86.80249|187|200733|PPLA2|US|Alabama|America/Chicago|
4931972|Cambridge|42.3751|-71.10561|12|118403|PPLA2|US|Massachusetts|America/New_York|
5879400|Anchorage|61.21806|-149.90028|31|291247|PPLA2|US|Alaska|America/Anchorage|
5856195|Honolulu|21.30694|-157.85833|18|350964|PPLA|US|Hawaii|Pacific/Honolulu|
6167865|Toronto|43.70643|-79.39864|175|2794356|PPLA|CA|Ontario|America/Toronto|
6077243|Montreal|45.50884|-73.58781|216|1762949|PPLA2|CA|Quebec|America/Toronto|Montréal
6173331|Vancouver|49.24966|-123.11934|70|662248|PPL|CA|British Columbia|America/Vancouver|
6058560|London|42.98339|-81.23304|252|422324|PPL|CA|Ontario|America/Toronto|
3530597|Mexico City|19.42847|-99.12766|2240|12294193|PPLC|MX|Mexico City|America/Mexico_City|Ciudad de México
3553478|Havana|23.13302|-82.38304|59|2163824|PPLC|CU|La Habana|America/Havana|La Habana
3688689|Bogotá|4.60971|-74.08175|2582|7674366|PPLC|CO|Bogota D.C.|America/Bogota|
3936456|Lima|-12.04318|-77.02824|154|7737002|PPLC|PE|Lima Province|America/Lima|
4168590|Lima|40.74255|-84.10523|267|38771|PPLA2|US|Ohio|America/New_York|
3448439|São Paulo|-23.5475|-46.63611|769|10021295|PPLA|BR|São Paulo|America/Sao_Paulo|
3451190|Rio de Janeiro|-22.90642|-43.18223|7|6023699|PPLA|BR|Rio de Janeiro|America/Sao_Paulo|
3435910|Buenos Aires|-34.61315|-58.37723|31|13076300|PPLC|AR|Buenos Aires F.D.|America/Argentina/Buenos_Aires|
3833367|Ushuaia|-54.8|-68.3|14|58028|PPLA|AR|Tierra del Fuego|America/Argentina/Ushuaia|
3871336|Santiago|-33.45694|-70.64827|556|4837295|PPLC|CL|Santiago Metropolitan|America/Santiago|
360630|Cairo|30.06263|31.24967|23|9606916|PPLC|EG|Cairo|Africa/Cairo|القاهرة
2332459|Lagos|6.45407|3.39467|11|15388000|PPLA2|NG|Lagos|Africa/Lagos|
2267226|Lagos|37.10202|-8.67422|20|18831|PPLA2|PT|Faro|Europe/Lisbon|
184745|Nairobi|-1.28333|36.81667|1661|2750547|PPLC|KE|Nairobi County|Africa/Nairobi|
3369157|Cape Town|-33.92584|18.42322|25|3433441|PPLA|ZA|Western Cape|Africa/Johannesburg|
993800|Johannesburg|-26.20227|28.04363|1767|2026469|PPLA|ZA|Gauteng|Africa/Johannesburg|
2553604|Casablanca|33.58831|-7.61138|27|3144909|PPLA|MA|Casablanca-Settat|Africa/Casablanca|الدار البيضاء
293397|Tel Aviv|32.08088|34.78057|15|432892|PPLA|IL|Tel Aviv|Asia/Jerusalem|תל אביב
292223|Dubai|25.07725|55.30927|8|3478300|PPLA|AE|Dubai|Asia/Dubai|دبي
112931|Tehran|35.69439|51.42151|1179|7153309|PPLC|IR|Tehran|Asia/Tehran|تهران
1174872|Karachi|24.8608|67.0104|12|11624219|PPLA|PK|Sindh|Asia/Karachi|کراچی
1275339|Mumbai|19.07283|72.88261|14|12691836|PPLA|IN|Maharashtra|Asia/Kolkata|Bombay,मुंबई
1273294|Delhi|28.65195|77.23149|227|10927986|PPLA|IN|Delhi|Asia/Kolkata|दिल्ली
1261481|New Delhi|28.63576|77.22445|212|317797|PPLC|IN|Delhi|Asia/Kolkata|नई दिल्ली
1283240|Kathmandu|27.70169|85.3206|1317|1442271|PPLC|NP|Bagmati|Asia/Kathmandu|काठमाडौं
1609350|Bangkok|13.75398|100.50144|12|5104476|PPLC|TH|Bangkok|Asia/Bangkok|กรุงเทพ
1880252|Singapore|1.28967|103.85007|17|5638700|PPLC|SG||Asia/Singapore|
1642911|Jakarta|-6.21462|106.84513|17|8540121|PPLC|ID|Jakarta|Asia/Jakarta|
1701668|Manila|14.6042|120.9822|9|1600000|PPLC|PH|Metro Manila|Asia/Manila|
1819729|Hong Kong|22.27832|114.17469|52|7491609|PPLC|HK||Asia/Hong_Kong|香港
1816670|Beijing|39.9075|116.39723|49|18960744|PPLC|CN|Beijing|Asia/Shanghai|Peking,北京
1796236|Shanghai|31.22222|121.45806|12|22315474|PPLA|CN|Shanghai|Asia/Shanghai|上海
1835848|Seoul|37.566|126.9784|38|10349312|PPLC|KR|Seoul|Asia/Seoul|서울
1850147|Tokyo|35.6895|139.69171|44|8336599|PPLC|JP|Tokyo|Asia/Tokyo|Tōkyō,東京
1853909|Osaka|34.69374|135.50218|24|2592413|PPLA|JP|Osaka|Asia/Tokyo|Ōsaka,大阪
2028462|Ulaanbaatar|47.90771|106.88324|1283|844818|PPLC|MN|Ulaanbaatar|Asia/Ulaanbaatar|Улаанбаатар
2147714|Sydney|-33.86785|151.20732|58|4627345|PPLA|AU|New South Wales|Australia/Sydney|
2158177|Melbourne|-37.814|144.96332|25|4246375|PPLA|AU|Victoria|Australia/Melbourne|
2063523|Perth|-31.95224|115.8614|18|1896548|PPLA|AU|Western Australia|Australia/Perth|
2640358|Perth|56.39522|-3.43139|17|46960|PPLA2|GB|Scotland|Europe/London|
2193733|Auckland|-36.84853|174.76349|26|1346091|PPLA|NZ|Auckland|Pacific/Auckland|
0|Y|49.90261|2.98971|67|89|PPL|FR|Hauts-de-France|Europe/Paris|
0|Ås|59.66|10.79|94|20000|PPL|NO|Akershus|Europe/Oslo|
0|McMurdo Station|-77.846|166.676|24|1000|STNB|AQ||Antarctica/McMurdo|
"""


@dataclass(frozen=True, slots=True)
class GazetteerEntry:
    """Place with the fields of GeoNames (https://www.geonames.org/export/). ``admin1`` may be empty."""

    id: int
    name: str
    latitude: float
    longitude: float
    elevation: float  # m
    population: int
    feature_code: str
    country_code: str
    admin1: str
    timezone: str
    other_names: tuple[str, ...]


def _parse_row(index: int, line: str) -> GazetteerEntry:
    number, name, lat, lon, elevation, population, feature, country, region, timezone, others = line.split("|")
    return GazetteerEntry(
        id=int(number) or 90_000_000 + index,
        name=name,
        latitude=float(lat),
        longitude=float(lon),
        elevation=float(elevation),
        population=int(population),
        feature_code=feature,
        country_code=country,
        admin1=region,
        timezone=timezone,
        other_names=tuple(others.split(",")) if others else (),
    )


PLACES = tuple(_parse_row(index, line) for index, line in enumerate(_TABLE.strip().split("\n"), 1))

_COUNTRY_TABLE = """
AE United Arab Emirates|AQ Antarctica|AR Argentina|AT Austria|AU Australia|BE Belgium|BG Bulgaria|BR Brazil
CA Canada|CH Switzerland|CL Chile|CN China|CO Colombia|CU Cuba|CZ Czechia|DE Germany|DK Denmark|EE Estonia
EG Egypt|ES Spain|FI Finland|FR France|GB United Kingdom|GR Greece|HK Hong Kong|HR Croatia|HU Hungary
ID Indonesia|IE Ireland|IL Israel|IN India|IR Iran|IS Iceland|IT Italy|JP Japan|KE Kenya|KR South Korea
LT Lithuania|LU Luxembourg|LV Latvia|MA Morocco|MN Mongolia|MX Mexico|NG Nigeria|NL The Netherlands|NO Norway
NP Nepal|NZ New Zealand|PE Peru|PH Philippines|PK Pakistan|PL Poland|PT Portugal|RO Romania|RS Serbia
RU Russia|SE Sweden|SG Singapore|SI Slovenia|SJ Svalbard and Jan Mayen|SK Slovakia|TH Thailand|TR Türkiye
UA Ukraine|US United States|ZA South Africa
"""
COUNTRIES = MappingProxyType(  # ISO 3166-1 alpha-2 code: name
    {entry[:2]: entry[3:] for line in _COUNTRY_TABLE.split("\n") for entry in line.split("|") if entry}
)
