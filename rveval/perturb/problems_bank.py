"""Problems that stand beside the one asked: word problems, short questions, small functions, and the tiny family's.

All written for this purpose. Answers are texts or numbers, never the letter of an option or a yes or no, so that
whoever answers one of these by mistake has not answered the problem asked.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Solved:
    """A problem with its answer; `worked` is the answer as it is written out, with its steps where it has any."""

    question: str
    worked: str
    answer: str


@dataclass(frozen=True, slots=True)
class Function:
    """A small function: its head with the docstring, and its body."""

    name: str
    stub: str
    body: str


def _number(question: str, worked: str) -> Solved:
    return Solved(question, worked, worked.split("####")[1].strip())


def _text(question: str, answer: str) -> Solved:
    return Solved(question, answer, answer)


WORD_PROBLEMS = (
    _number(
        "Odile bakes 6 trays of rolls with 9 rolls on each tray. She burns 5 of them. How many rolls can she sell?",
        "She bakes 6 * 9 = 54 rolls. She can sell 54 - 5 = 49 rolls.\n#### 49",
    ),
    _number(
        "A ferry carries 38 cars on each trip and makes 7 trips a day. How many cars does it carry in 2 days?",
        "It carries 38 * 7 = 266 cars a day. In 2 days it carries 266 * 2 = 532 cars.\n#### 532",
    ),
    _number(
        "Teodor has 83 stamps. He gives 17 to a friend and then buys 3 packs of 8 stamps. How many does he have now?",
        "He keeps 83 - 17 = 66 stamps. He buys 3 * 8 = 24 stamps. He has 66 + 24 = 90 stamps.\n#### 90",
    ),
    _number(
        "A roll of wire is 120 meters long. Ilse cuts off 4 pieces of 13 meters each. How many meters are left?",
        "She cuts off 4 * 13 = 52 meters. There are 120 - 52 = 68 meters left.\n#### 68",
    ),
    _number(
        "Tickets to a zoo cost $14 for an adult and $6 for a child. What do 2 adults and 5 children pay?",
        "The adults pay 2 * 14 = 28 dollars. The children pay 5 * 6 = 30 dollars. Together 28 + 30 = 58.\n#### 58",
    ),
    _number(
        "A printer needs 3 minutes for a poster. How many posters does it print in 2 hours?",
        "Two hours are 2 * 60 = 120 minutes. It prints 120 / 3 = 40 posters.\n#### 40",
    ),
    _number(
        "Bram reads 22 pages on each weekday and 35 pages on each day of the weekend. How many pages is that a week?",
        "On weekdays he reads 5 * 22 = 110 pages. At weekends 2 * 35 = 70 pages. That is 110 + 70 = 180.\n#### 180",
    ),
    _number(
        "A farmer picks 156 pears and packs them in boxes of 12. He sells each box for $9. How much does he earn?",
        "He fills 156 / 12 = 13 boxes. He earns 13 * 9 = 117 dollars.\n#### 117",
    ),
    _number(
        "Saskia runs 4 kilometers on Monday and twice as far on Friday. How many kilometers is that in 3 such weeks?",
        "On Friday she runs 4 * 2 = 8 kilometers. A week is 4 + 8 = 12. Three weeks are 12 * 3 = 36.\n#### 36",
    ),
    _number(
        "A hall has 15 rows of 24 chairs. 47 chairs stay empty. How many chairs are taken?",
        "There are 15 * 24 = 360 chairs. 360 - 47 = 313 are taken.\n#### 313",
    ),
    _number(
        "Anselm saves $25 a month. He wants a bike for $260 and already has $85. How many months does he have to save?",
        "He still needs 260 - 85 = 175 dollars. That takes 175 / 25 = 7 months.\n#### 7",
    ),
    _number(
        "A tank holds 500 liters. It loses 11 liters a day. How many liters are left after 21 days?",
        "It loses 11 * 21 = 231 liters. There are 500 - 231 = 269 liters left.\n#### 269",
    ),
    _number(
        "Greta shares 96 marbles equally among 8 children. Each child then loses 5. How many does each child keep?",
        "Each child gets 96 / 8 = 12 marbles. Each child keeps 12 - 5 = 7 marbles.\n#### 7",
    ),
    _number(
        "A train has 9 cars with 64 seats each. 508 seats are booked. How many seats are free?",
        "The train has 9 * 64 = 576 seats. 576 - 508 = 68 are free.\n#### 68",
    ),
)

QUESTIONS = (
    _text("What is the capital of Portugal?", "Lisbon"),
    _text("Which month has the fewest days?", "February"),
    _text("What do you call a young cow?", "calf"),
    _text("Which instrument has black and white keys: piano, violin, or drum?", "piano"),
    _text("On which continent does Egypt lie?", "Africa"),
    _text("Which colour comes from mixing blue and yellow paint?", "green"),
    _text("Which season follows winter?", "spring"),
    _text("Who wrote the play Hamlet?", "William Shakespeare"),
    _text("What do bees make from nectar?", "honey"),
    _text("In which sport is a shuttlecock used: tennis, badminton, or golf?", "badminton"),
    _text("Which ocean lies between Europe and North America?", "Atlantic Ocean"),
    _text("Which of these is a vegetable: cherry, carrot, or peach?", "carrot"),
    _text("Which language do most people in Brazil speak?", "Portuguese"),
    _text("What is the plural of the word mouse?", "mice"),
    _text("Which of these flies: otter, swallow, or hedgehog?", "swallow"),
    _text("What does a baker take out of the oven in the morning: bricks, bread, or bolts?", "bread"),
)

TINY = (
    _number("Ann has 23 pens. She buys 6 more. How many pens does Ann have now?", "23+6=29. #### 29"),
    _number("Leo found 41 shells. He loses 18 of them. How many shells are left?", "41-18=23. #### 23"),
    _number(
        "A bus has 17 people on it. Then 25 people get on. Then 9 people get off. How many people are on the bus now?",
        "17+25=42. 42-9=33. #### 33",
    ),
    _number("There are 3 boxes with 7 keys each. How many keys are there in all?", "3*7=21. #### 21"),
    _number(
        "Zoe saved 52 dollars. She spends 24 dollars on a lamp. How many dollars does Zoe have left?",
        "52-24=28. #### 28",
    ),
    _number(
        "A shop has 36 balls. A truck brings 14 more. The shop sells 29. How many balls are in the shop?",
        "36+14=50. 50-29=21. #### 21",
    ),
    _number(
        "Jack has 4 boxes of 9 eggs. Then 11 more eggs come in. How many eggs are in the boxes?",
        "4*9=36. 36+11=47. #### 47",
    ),
    _number(
        "Sam has 8 dollars. He earns 27 dollars. He pays 16 dollars for a hat. How much money does Sam have now?",
        "8+27=35. 35-16=19. #### 19",
    ),
    _number(
        "There are 58 toys in a shop. A customer buys 13. The shop gets 22 more. How many toys does the shop have now?",
        "58-13=45. 45+22=67. #### 67",
    ),
    _number(
        "Kate has 31 cards. She gives 12 to Ben. She finds 5 more. How many cards does Kate have now?",
        "31-12=19. 19+5=24. #### 24",
    ),
    _number(
        "A bus starts with 44 people. At the next stop 15 get off. How many people does the bus carry?",
        "44-15=29. #### 29",
    ),
    _number(
        "Max found 14 coins. He gets 28 from Eva. He sells 7 of them. How many coins are left?",
        "14+28=42. 42-7=35. #### 35",
    ),
    _number(
        "There are 5 boxes with 11 cakes each. Lily takes out 17 cakes. How many cakes are there in all?",
        "5*11=55. 55-17=38. #### 38",
    ),
    _number(
        "Tom saved 63 dollars. Mia pays Tom 19 dollars. How much money does Tom have now?",
        "63+19=82. #### 82",
    ),
)

FUNCTIONS = (
    Function(
        "fahrenheit_of",
        'def fahrenheit_of(celsius: float) -> float:\n    """Convert degrees Celsius to degrees Fahrenheit."""',
        "    return celsius * 9 / 5 + 32",
    ),
    Function(
        "initials_of",
        'def initials_of(full_name: str) -> str:\n    """The first letters of all parts of a name, each with a dot."""',
        '    return "".join(part[0].upper() + "." for part in full_name.split())',
    ),
    Function(
        "leap_years_between",
        'def leap_years_between(first: int, last: int) -> int:\n    """How many leap years, ends included."""',
        "    return sum(year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) for year in range(first, last + 1))",
    ),
    Function(
        "hours_and_minutes",
        'def hours_and_minutes(minutes: int) -> str:\n    """Minutes as hours and minutes, like 2:05."""',
        '    return f"{minutes // 60}:{minutes % 60:02d}"',
    ),
    Function(
        "price_with_tax",
        'def price_with_tax(net: float, percent: float) -> float:\n    """A price with tax added, rounded to cents."""',
        "    return round(net * (1 + percent / 100), 2)",
    ),
    Function(
        "lines_starting_with",
        'def lines_starting_with(text: str, mark: str) -> list[str]:\n    """The lines that start with a mark."""',
        "    return [line for line in text.splitlines() if line.startswith(mark)]",
    ),
    Function(
        "chessboard_row",
        'def chessboard_row(width: int, starts_black: bool) -> str:\n    """A row of chess: # black, . white."""',
        '    return "".join("#" if (place % 2 == 0) == starts_black else "." for place in range(width))',
    ),
)
