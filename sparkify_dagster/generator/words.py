"""The vocabulary of the invented world, and how names and titles are put together from it.

Word lists and pure functions of indices; which index is drawn, and how often, is decided
elsewhere. Some words are deliberately not ASCII, one is not even in Unicode's first plane.
"""

ADJECTIVES = (
    "Amber", "Brittle", "Candid", "Distant", "Electric", "Faded", "Gentle", "Hollow", "Idle",
    "Jagged", "Kindled", "Lunar", "Mellow", "Narrow", "Opal", "Paper", "Quiet", "Rusted",
    "Silver", "Tidal", "Upside", "Velvet", "Woven", "Yonder", "Zealous", "Crooked", "Dusty",
    "Emerald", "Feral", "Glass", "Hidden", "Ivory", "Jolly", "Kinetic", "Lazy", "Marble",
    "Nimble", "Ochre", "Plaid", "Restless", "Salted", "Tangled", "Umber", "Vivid", "Wandering",
    "Été", "Früher", "Ljós", "Señorial", "Żywy",
)  # fmt: skip
NOUNS = (
    "Anchor", "Balcony", "Cinder", "Dovecote", "Ember", "Ferry", "Gazebo", "Harbor", "Inkwell",
    "Juniper", "Kettle", "Lantern", "Meadow", "Nettle", "Orchard", "Pylon", "Quarry", "Rooftop",
    "Satellite", "Teacup", "Umbrella", "Viaduct", "Weathervane", "Xylophone", "Yardstick",
    "Zeppelin Shed", "Almanac", "Bicycle", "Compass", "Drawbridge", "Escalator", "Firefly",
    "Glacier", "Hammock", "Isthmus", "Jukebox", "Kingfisher", "Lighthouse", "Mailbox", "Nebula",
    "Observatory", "Parasol", "Quilt", "Radiator", "Sundial", "Tramline", "Upland", "Veranda",
    "Windmill", "Café", "Corazón", "Straße", "Ночь", "夜景", "🌙",
)  # fmt: skip
VERBS = (
    "Borrow", "Carry", "Follow", "Forget", "Gather", "Hold", "Keep", "Leave", "Mend", "Outrun",
    "Paint", "Remember", "Signal", "Trade", "Unwind", "Whistle at",
)  # fmt: skip
TITLE_PATTERNS = (
    "{a} {n}", "{n}", "The {n}", "{v} the {n}", "{a} {n} (Album Version)", "My {a} {n}",
    "{n} and {m}", "{v} Me, {a} {n}", "{a} Like a {n}", "{n} (Live)", "Don't {v} the {n}",
    '{a} {n} ("{m}" Mix)', "{n} / {m}", "Where the {n} Was", "{a}  {n} [Demo]", "{n}, Pt. 2",
)  # fmt: skip
ARTIST_PATTERNS = (
    "{a} {n}", "The {a} {n} Club", "{n} & {a}", "{a} {n} Ensemble", "DJ {a} {n}", "{n} {a} Trio",
)  # fmt: skip

FIRST_NAMES = {
    "F": (
        "Adaeze", "Brenna", "Carlotta", "Delphine", "Edith", "Fatima", "Greta", "Hazel", "Ingrid",
        "Joanna", "Kirsten", "Lucía", "Maren", "Noor", "Odile", "Priya", "Renée", "Saoirse",
        "Tamsin", "Ursula", "Vesna", "Wilma", "Yuki", "Zoë",
    ),
    "M": (
        "Aurel", "Bjørn", "Caleb", "Dmitri", "Emeka", "Félix", "Gareth", "Hamid", "Ismael",
        "Jorge", "Kenji", "Lars", "Mateo", "Niall", "Oskar", "Pavel", "Quentin", "Rafael",
        "Søren", "Tariq", "Umberto", "Viktor", "Wendell", "Yusuf",
    ),
}  # fmt: skip
LAST_NAMES = (
    "Abernathy", "Barros", "Castellano", "Dvořák", "Eriksen", "Farrow", "Gallagher", "Haddad",
    "Ibáñez", "Jansson", "Kowalczyk", "Lindqvist", "Mbeki", "Nakagawa", "O'Dowd", "Pereira",
    "Quist", "Rasmussen", "Schäfer", "Tanaka", "Ueda", "Vandermeer", "Whitlock", "Xiong",
    "Yilmaz", "Zieliński", "Achterberg", "Bellweather", "Crane-Ruiz", "Duquesne",
)  # fmt: skip

# City, state: a listener's metro area is one to three of them.
US_CITIES = (
    ("Springfield", "IL"), ("Decatur", "IL"), ("Peoria", "IL"), ("Akron", "OH"),
    ("Dayton", "OH"), ("Toledo", "OH"), ("Boise", "ID"), ("Nampa", "ID"), ("Tucson", "AZ"),
    ("Mesa", "AZ"), ("Fresno", "CA"), ("Oxnard", "CA"), ("Stockton", "CA"), ("Pueblo", "CO"),
    ("Boulder", "CO"), ("Hartford", "CT"), ("Ocala", "FL"), ("Lakeland", "FL"), ("Macon", "GA"),
    ("Savannah", "GA"), ("Topeka", "KS"), ("Lexington", "KY"), ("Shreveport", "LA"),
    ("Worcester", "MA"), ("Flint", "MI"), ("Kalamazoo", "MI"), ("Duluth", "MN"),
    ("Rochester", "MN"), ("Joplin", "MO"), ("Billings", "MT"), ("Asheville", "NC"),
    ("Durham", "NC"), ("Lincoln", "NE"), ("Reno", "NV"), ("Albany", "NY"), ("Buffalo", "NY"),
    ("Syracuse", "NY"), ("Tulsa", "OK"), ("Salem", "OR"), ("Erie", "PA"), ("Scranton", "PA"),
    ("Rapid City", "SD"), ("Knoxville", "TN"), ("Amarillo", "TX"), ("Laredo", "TX"),
    ("Waco", "TX"), ("Provo", "UT"), ("Roanoke", "VA"), ("Spokane", "WA"), ("Yakima", "WA"),
    ("Green Bay", "WI"), ("Cañon City", "CO"),
)  # fmt: skip

# Where artists come from: name, latitude, longitude (degrees).
ARTIST_PLACES = (
    ("Oslo, Norway", 59.91333, 10.73897), ("Reykjavík, Iceland", 64.14598, -21.94224),
    ("São Paulo, Brazil", -23.56287, -46.65468), ("Kraków, Poland", 50.06465, 19.94498),
    ("Lagos, Nigeria", 6.45506, 3.39418), ("Kyoto, Japan", 35.01157, 135.76815),
    ("Montréal, Québec", 45.50887, -73.55424), ("Dunedin, New Zealand", -45.87416, 170.50361),
    ("Glasgow, Scotland", 55.86515, -4.25763), ("Duluth, MN", 46.78667, -92.10049),
    ("Macon, GA", 32.84069, -83.6324), ("Tucson, AZ", 32.22174, -110.92648),
    ("Asheville, NC", 35.5951, -82.55152), ("Valparaíso, Chile", -33.04724, -71.61269),
    ("Gdańsk", 54.35205, 18.64637), ("United States", 37.16793, -95.84502),
    ("Aarhus, Denmark", 56.15674, 10.21076), ("Córdoba", -31.42008, -64.18878),
    ("Toledo, OH", 41.66394, -83.55521), ("Null Island", 0.0, 0.0),
)  # fmt: skip

_MAC = "Macintosh; Intel Mac OS X"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
# As in the sample, Chrome and Safari wear literal quotes and Firefox and IE do not.
USER_AGENTS = (
    f'"Mozilla/5.0 ({_MAC} 10_9_4) {_WEBKIT} Chrome/36.0.1985.125 Safari/537.36"',
    f'"Mozilla/5.0 ({_MAC} 10_9_2) {_WEBKIT} Chrome/35.0.1916.114 Safari/537.36"',
    f'"Mozilla/5.0 ({_MAC} 10_8_5) {_WEBKIT} Chrome/34.0.1847.137 Safari/537.36"',
    f'"Mozilla/5.0 (Windows NT 6.1; WOW64) {_WEBKIT} Chrome/36.0.1985.143 Safari/537.36"',
    f'"Mozilla/5.0 (Windows NT 6.3; WOW64) {_WEBKIT} Chrome/37.0.2062.103 Safari/537.36"',
    f'"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} Chrome/33.0.1750.152 Safari/537.36"',
    '"Mozilla/5.0 (iPad; CPU OS 7_1_2 like Mac OS X) AppleWebKit/537.51.2 (KHTML, like Gecko) '
    'Version/7.0 Mobile/11D257 Safari/9537.53"',
    '"Mozilla/5.0 (iPhone; CPU iPhone OS 7_1 like Mac OS X) AppleWebKit/537.51.2 (KHTML, like '
    'Gecko) Version/7.0 Mobile/11D167 Safari/9537.53"',
    f"Mozilla/5.0 ({_MAC} 10.9; rv:30.0) Gecko/20100101 Firefox/30.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:29.0) Gecko/20100101 Firefox/29.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:31.0) Gecko/20100101 Firefox/31.0",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; WOW64; Trident/5.0)",
)

_SHORT_NAMES = len(ARTIST_PATTERNS) * len(ADJECTIVES) * len(NOUNS)
# Changes pattern, noun and adjective at every step, and shares no factor with _SHORT_NAMES (whose
# primes are 2, 3, 5 and 11), so that every index gets a name of its own.
_NAME_STEP = 6_401


def artist_name(index: int, seed: int) -> str:
    """The name of artist number `index`: no two indices of one seed share a name.

    The first 16,500 names are short; later ones take a suffix (`... of Quarry`), which keeps
    them apart up to 900 thousand artists.
    """
    round_, place = divmod(index, _SHORT_NAMES)
    rest, pattern = divmod((place * _NAME_STEP + seed * 4_001) % _SHORT_NAMES, len(ARTIST_PATTERNS))
    adjective, noun = divmod(rest, len(NOUNS))
    name = ARTIST_PATTERNS[pattern].format(a=ADJECTIVES[adjective], n=NOUNS[noun])
    return f"{name} of {NOUNS[round_ - 1]}" if round_ else name


def song_title(pattern: int, adjective: int, noun: int, other: int, verb: int) -> str:
    """A title from indices into the title patterns, adjectives, nouns (twice) and verbs."""
    return TITLE_PATTERNS[pattern].format(
        a=ADJECTIVES[adjective], n=NOUNS[noun], m=NOUNS[other], v=VERBS[verb]
    )


def metro_area(first: int, second: int, cities: int) -> str:
    """A US metro area such as `Akron-Boise, OH-ID`, from one or two indices into the cities."""
    city, state = US_CITIES[first]
    if cities == 1 or first == second:
        return f"{city}, {state}"
    other, other_state = US_CITIES[second]
    states = state if state == other_state else f"{state}-{other_state}"
    return f"{city}-{other}, {states}"
