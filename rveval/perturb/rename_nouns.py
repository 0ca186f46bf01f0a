"""Things by kind: nouns that may stand for one another in a problem.

Only neutral, countable things: none that carries a constant (dozen, quarter, week, spider, deck, dice, coins), none
with legs or wheels to count (animals, chairs, cars, bicycles), none that comes in pairs (shoes, socks, gloves), none
that is a unit, none that may be read as a person of the problem (coach).
"""

from __future__ import annotations

# A line is a group, each noun with its plural; "=" before it where they all mean the same.
_GROUPS = """
apple apples, pear pears, peach peaches, plum plums, apricot apricots, nectarine nectarines
orange oranges, lemon lemons, grapefruit grapefruits, tangerine tangerines
strawberry strawberries, raspberry raspberries, blueberry blueberries, blackberry blackberries
banana bananas, papaya papayas
carrot carrots, turnip turnips, radish radishes, parsnip parsnips
tomato tomatoes, onion onions, zucchini zucchinis
cookie cookies, brownie brownies, muffin muffins, cupcake cupcakes, croissant croissants, bagel bagels, scone scones
sandwich sandwiches, burger burgers, burrito burritos, taco tacos
pie pies, tart tarts
lollipop lollipops, gumball gumballs, gumdrop gumdrops, popsicle popsicles
rose roses, tulip tulips, carnation carnations, petunia petunias, marigold marigolds, begonia begonias, orchid orchids
pencil pencils, crayon crayons, marker markers
notebook notebooks, folder folders, binder binders
marble marbles, bead beads
seashell seashells, pebble pebbles
sticker stickers, postcard postcards
doll dolls, puppet puppets
hat hats, scarf scarves, beret berets
shirt shirts, sweater sweaters, jacket jackets, blouse blouses
necklace necklaces, bracelet bracelets
dress dresses, skirt skirts
= robe robes, gown gowns
= book books, novel novels
magazine magazines, newspaper newspapers
= movie movies, film films
= song songs, tune tunes
= photo photos, picture pictures, photograph photographs
= box boxes, crate crates, bin bins
= bag bags, sack sacks, pouch pouches
basket baskets, bucket buckets
jar jars, pot pots
bottle bottles, flask flasks
vase vases, jug jugs
shelf shelves, rack racks
tray trays, platter platters
= house houses, cottage cottages
= sofa sofas, couch couches
lamp lamps, lantern lanterns
= rug rugs, carpet carpets
= store stores, shop shops
restaurant restaurants, bistro bistros
= company companies, firm firms
factory factories, workshop workshops
hospital hospitals, clinic clinics
= farm farms, ranch ranches
= city cities, town towns, village villages
= family families, household households
= team teams, squad squads
= child children, kid kids, youngster youngsters
= toy toys, trinket trinkets
= gift gifts, present presents
watermelon watermelons, pumpkin pumpkins
pineapple pineapples, coconut coconuts
sunflower sunflowers, dahlia dahlias
diamond diamonds, ruby rubies, emerald emeralds, sapphire sapphires, opal opals
potato potatoes, beetroot beetroots
= merchant merchants, trader traders, seller sellers, vendor vendors
mechanic mechanics, repairer repairers
painter painters, decorator decorators
nurse nurses, medic medics
= tourist tourists, sightseer sightseers
= trip trips, journey journeys, excursion excursions
= vacation vacations, holiday holidays
= party parties, celebration celebrations
= coupon coupons, voucher vouchers
plate plates, saucer saucers
hotel hotels, hostel hostels
lesson lessons, tutorial tutorials
= exam exams, quiz quizzes, test tests
= phone phones, telephone telephones
= orchard orchards, grove groves
= question questions, problem problems
= signature signatures, autograph autographs
= school schools, academy academies
= candle candles, taper tapers
= prize prizes, award awards
= chore chores, task tasks
= baby babies, infant infants
= neighborhood neighborhoods, district districts
= boss bosses, manager managers
= road roads, path paths
= rope ropes, cable cables, cord cords
towel towels, napkin napkins
blanket blankets, quilt quilts
pillow pillows, cushion cushions
flag flags, banner banners
machine machines, device devices
container containers, barrel barrels
stadium stadiums, arena arenas
mountain mountains, hill hills
river rivers, canal canals
brick bricks, slab slabs
snowball snowballs, icicle icicles
= farmer farmers, grower growers, rancher ranchers
= builder builders, carpenter carpenters
= custodian custodians, caretaker caretakers, janitor janitors
cheerleader cheerleaders, dancer dancers
= doctor doctors, physician physicians
= mom moms, mother mothers
= dad dads, father fathers
room rooms, chamber chambers
meal meals, feast feasts
= highway highways, motorway motorways
microphone microphones, loudspeaker loudspeakers
plant plants, shrub shrubs
mural murals, fresco frescoes
pizza pizzas, quiche quiches
= package packages, packet packets, parcel parcels
item items, article articles
flower flowers, blossom blossoms
widget widgets, gadget gadgets
bouquet bouquets, garland garlands
= student students, pupil pupils
= employee employees, worker workers
= customer customers, shopper shoppers
= guest guests, visitor visitors
passenger passengers, traveler travelers
= teacher teachers, tutor tutors
= friend friends, pal pals
boat boats, ship ships
train trains, tram trams
truck trucks, van vans
tower towers, castle castles
= lake lakes, pond ponds
"""

Noun = tuple[str, str]


def _group(line: str) -> tuple[Noun, ...]:
    return tuple((pair.split()[0], pair.split()[1]) for pair in line.removeprefix("= ").split(", "))


_LINES = _GROUPS.strip().splitlines()
GROUPS: tuple[tuple[Noun, ...], ...] = tuple(_group(line) for line in _LINES)
# Groups of words for the same thing ("kids", "children"): where a problem uses two of them, both stay.
SAME = frozenset(noun for line in _LINES if line.startswith("= ") for noun in _group(line))
NOUNS: dict[Noun, tuple[Noun, ...]] = {noun: group for group in GROUPS for noun in group}
