"""The words from which a fictional distributor's customers and items are named."""

from __future__ import annotations

# Names that trip a careless reader: ampersands, apostrophes, dots, hyphens, characters of code page 1252.
ODD_NAMES = (
    "Müller Antriebstechnik USA",
    "Tidewater Marine & Mill",
    "O'Hara Brothers Hardware",
    "Peñasco Hydraulics",
    "St. Elmo Shipyard",
    "Two-Rivers Electric Co-op",
    "Coast Range Pump & Valve",
    "Crème de Café Roasters",
    "D'Angelo & Sons Millwork",
    "Lindqvist–Åberg Tooling",
)

PLACES = (
    "Blue Mesa", "Cedar Falls", "Granite Bay", "Iron Range", "Juniper", "Kettle Creek", "Lakeshore", "Mohawk",
    "Northgate", "Old Harbor", "Palmetto", "Quarry Hill", "Rock Springs", "Sandhill", "Timberline", "Union",
    "Valley Forge", "West Fork", "Yellow Pine", "Zephyr", "Ash Grove", "Bitterroot", "Chinook", "Dry Creek",
    "Eagle Point", "Flint", "Green River", "Hickory", "Inland", "Jasper", "Kingsport", "Lone Star", "Maple",
    "New Haven", "Ozark", "Pioneer", "Redstone", "Saginaw", "Tamarack", "Upland", "Vermilion", "Wabasso",
)  # fmt: skip

TRADES = (
    "Plumbing", "Irrigation", "Fabrication", "Industrial", "Machinery", "Builders", "Rail", "Paper", "Grain",
    "Dairy", "Foods", "Mining", "Timber", "Fasteners", "Automotive", "Textiles", "Schools", "Marine", "Heating",
    "Cooling", "Roofing", "Electric", "Glass", "Foundry", "Packaging", "Printing", "Turf", "Welding", "Concrete",
    "Aviation", "Boatworks", "Controls", "Elevator", "Hospitality", "Instruments", "Laboratories",
)  # fmt: skip

ENDINGS = (
    "Supply", "Services", "Works", "Group", "Partners", "Company", "Systems", "Products", "Maintenance", "Contractors",
)  # fmt: skip

STREETS = ("Harbor", "Commerce", "Mill", "Depot", "Foundry", "Orchard")
STREET_KINDS = ("St", "Rd", "Way", "Ave")
CITIES = (("Macon", "GA"), ("Atlanta", "GA"), ("Scranton", "PA"), ("Elko", "NV"), ("Reno", "NV"), ("Albany", "NY"))

# SKU prefix, description, base unit, selling unit, base units in a selling unit.
FAMILIES = (
    ("HCS", "Hex cap screw", "EA", "EA", 1),
    ("FLB", "Flange bolt", "EA", "BX", 100),
    ("BVB", "Ball valve brass", "EA", "EA", 1),
    ("PVE", "PVC elbow 90°", "EA", "CS", 24),
    ("NGL", "Nitrile gloves", "EA", "CS", 10),
    ("HYH", 'Hydraulic hose 3/8"', "FT", "FT", 1),
    ("SGG", "Safety goggles", "EA", "EA", 1),
    ("BGR", "Bearing grease", "EA", "CS", 12),
    ("RCH", "Roller chain", "FT", "FT", 1),
    ("CTB", "Cable tie black", "EA", "BX", 1000),
    ("VBT", "V-belt", "EA", "EA", 1),
    ("ETR", "Étrier clamp", "EA", "EA", 1),
)

SIZES = ("M6", "M8", "M10", '1/2"', '3/4"', "L", "XL", "std")
