"""First names by gender: which words of a problem are people, and what else they may be called.

Names that are also words (Mark, Penny, May, Will, Grace, Rose, Bill, Art, Summer, April, June, Frank, Sue, ...) or
places (Jordan, Charlotte, Dallas, ...) are missing on purpose: what is not listed is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random


def words(text: str) -> tuple[str, ...]:
    """The words of a list that is written as text."""
    return tuple(text.split())


GIRLS = frozenset(
    words("""
    Aaliyah Abby Abigail Ada Adelaide Adriana Adrianne Aggie Agnes Alana Alani Alba Aleena Aleksandra Alexa
    Alexandra Alice Alicia Alina Alisa Alisha Alison Aliya Allison Alma Alyana Alyssa Amalia Amanda Amelia Amelie
    Amina Amor Amora Amy Ana Anastasia Andrea Angela Angelica Angelina Anika Anita Ann Anna Annabel Annabelle Anne
    Annette Annie Annika Antonella Antonia Anya Ara Arelia Ariadne Ariana Arianna Arlene Ashlyn Astrid Audrey
    Aurelia Ava Barbara Beatrice Beatrix Becca Becky Belen Belinda Bella Bernadette Bernice Bertha Beth Bethany
    Betsy Betty Beverly Bianca Bonnie Brenda Briana Brianna Brianne Bridget Britany Britney Brittany Camila Camille
    Candace Candice Cara Carina Carla Carly Carmen Carolina Caroline Carolyn Carrie Cassandra Cassie Catherine Cathy
    Cayley Cecelia Cecilia Celeste Celia Celinda Celine Charlene Charmaine Chenny Cherrie Cheryl Chloe Christina
    Christine Cindy Claire Clara Clarissa Claudia Colleen Connie Constance Cora Corinne Courtney Crista Cristina
    Cynthia Dahlia Daniela Daniella Danielle Daphne Darla Dasha Deanna Debbie Deborah Debra Deepa Delia Delilah
    Denise Diana Diane Dianne Dijana Dina Dolores Donna Dora Doris Dorothy Edith Edna Eileen Elaina Elaine Eleanor
    Elena Elisa Elise Eliza Elizabeth Ella Ellen Ellie Elly Eloise Elsa Elsie Elvira Emilia Emily Emma Erica Erika
    Erin Esmeralda Estelle Esther Ethel Eunice Eva Evelyn Felicia Fiona Frances Francesca Francine Freda Frida
    Gabriela Gabriella Gabrielle Genevieve Geraldine Gertrude Gigi Gina Giselle Gissela Gladys Gloria Greta Gretchen
    Gwen Gwendolyn Hailey Haley Hallie Hannah Harriet Hazel Heidi Helen Helena Helene Helga Henrietta Hilda Ida
    Ilona Imma Ines Inez Ingrid Irene Irina Irma Isabel Isabella Isabelle Isla Izzy Jackie Jacqueline Jada Jana Jane
    Janet Janeth Janey Janice Janie Jeanette Jemima Jen Jenna Jennie Jennifer Jenny Jess Jessa Jessica Jewell Jill
    Jillian Joan Joana Joanna Joanne Jocelyn Jodi Joelle Johanna Jolene Josephine Josie Joyce Juanita Judith Judy
    Julia Juliana Julianne Julie Juliet Julieta Kaitlyn Kalinda Karen Karina Karla Kassidy Katarina Kate Katelyn
    Katerina Katharine Katherine Kathleen Kathryn Kathy Katie Katina Katrina Katy Kayla Kaylee Kelsey Kelsie Kendra
    Kiera Kimberly Kira Kirsten Kora Krissa Kristen Kristin Kristina Kylie Lacey Laila Lainey Lana Lara Larissa
    Laura Lauren Laurie Layla Lea Leah Leila Lena Leona Leticia Lila Lilian Lillian Lilly Linda Lindsay Lindsey Lisa
    Liza Lois Lola Lorena Lori Lorie Lorraine Louisa Louise Lucia Lucille Lucinda Lucy Luisa Lulu Luna Luz Lydia
    Lyla Lylah Lynette Mabel Maddie Maddison Maddy Madeleine Madeline Maggie Mara Marcia Marcy Margaret Margareth
    Margot Maria Mariah Mariana Marianne Marie Marilyn Marina Marisa Marissa Marjorie Marla Marlene Marsha Marta
    Martha Martina Mary Maryam Matilda Maureen Maya Mazie Meg Megan Meghan Melanie Melina Melinda Melissa Mercedes
    Meredith Mia Michaela Michelle Mildred Millie Milly Mina Mindy Miranda Miriam Molly Mona Monica Monique Muriel
    Myra Nadia Nadine Nancy Naomi Natalia Natalie Natasha Nellie Nicole Nina Nissa Noelle Nora Norma Nova Octavia
    Odette Olga Olivia Ophelia Paige Paisley Pam Pamela Patricia Patsy Paula Paulette Pauline Peggy Phoebe Phyllis
    Polly Priscilla Rachel Rafaela Ramona Rani Rayna Rebecca Regina Renee Rhonda Rita Roberta Robyn Rosa Rosalie
    Rosalind Rosanna Rosanne Rosie Roxanne Rozanne Ruth Saanvi Sabrina Sadie Sally Samantha Sandra Sara Sarah Sarai
    Savanna Scarlett Selena Selma Serena Shania Shannon Sharon Shawna Shawnda Sheila Shelby Shelley Shelly Sherry
    Shiela Shirley Shondra Sidonie Silvia Siobhan Sofia Sofie Soledad Sonia Sonya Sophia Sophie Stacey Stacy Stella
    Stephanie Susan Susana Susanna Susie Suzanne Suzie Suzy Svetlana Sylvia Sylvie Tabitha Talia Tamara Tammy Tania
    Tanya Tara Tasha Tashay Tatiana Teresa Terri Thea Thelma Theresa Tiffany Tina Toula Tracy Tricia Trina Trixie
    Ursula Valentina Valeria Valerie Vanessa Velma Vera Verna Veronica Vicki Vicky Violetta Vivian Viviana Wanda
    Wendi Wendy Whitney Wilma Winifred Yolanda Yvette Yvonne Zara Zelda Zoe Zoey
    """)
)

BOYS = frozenset(
    words("""
    Aaron Abdul Abel Abraham Adam Adrien Ahmed Aiden Alain Alan Albert Alberto Aldo Alec Alejandro Alessandro
    Alexander Alfie Alfred Alfredo Allan Allen Alonso Alvin Amir Andre Andres Andrew Andy Angelo Anthony Antoine
    Anton Antonio Archie Arnold Arthur Artie Axel Baldur Barney Barry Bart Ben Benedict Benito Benjamin Bennet
    Bennett Benny Bernard Bernie Bert Billy Bjorn Bob Bobby Boris Brad Bradley Brady Brandon Braylen Brendan Brent
    Brett Brian Bruce Bruno Bryan Bryce Buford Byron Caleb Calvin Carl Carlos Carlton Cesar Chad Charles Chester
    Christopher Clarence Clark Clayton Clement Clifford Clive Clyde Colby Cole Colin Connor Conor Corey Cornelius
    Craig Curtis Cyril Cyrus Damien Damon Dan Daniel Danny Dante Darius Darrel Darrell Darren Darryl Dave David Dax
    Deandre Declan Dennis Derek Derrick Desmond Dexter Dick Diego Dillon Dimitri Dominic Dominick Don Donald Donny
    Donovan Douglas Duncan Dustin Dwayne Dwight Dylan Ed Eddie Eddy Edgar Edmund Eduardo Edward Edwin Eli Elias
    Elijah Elliot Elliott Elmer Elvin Emanuel Emil Emilio Emmett Enrique Enzo Eric Erik Ernest Ernesto Ernie Errol
    Ethan Eugene Evan Everett Ezekiel Ezra Fabian Felipe Felix Ferdinand Fernando Finley Finn Floyd Francis
    Francisco Franklin Fred Freddie Freddy Frederick Gabriel Gareth Garrett Gary Gavin Geoffrey George Gerald Gerard
    Gideon Gilbert Giovanni Glen Glenn Gomer Gordon Graham Grayson Greg Gregory Guillermo Gunter Gunther Gus Gustavo
    Hank Hans Harald Harold Harrison Harry Harvey Hassan Hector Henrik Henry Herbert Herman Hezekiah Horace Howard
    Howie Hubert Hugh Hugo Humphrey Ian Ibrahim Ignacio Igor Ike Isaac Isaiah Isaias Ishaan Ivan Jack Jackson Jacob
    Jacques Jaden Jairus Jake Jamaal Jamaar Jamal James Jameson Jared Jason Jasper Javier Jayden Jed Jeff Jefferson
    Jeffery Jeffrey Jerald Jeremiah Jeremy Jerome Jerry Jesus Jim Jimmy Joaquin Joe Joel Joey Johann John Johnathan
    Johnny Jon Jonah Jonas Jonathan Jorge Jose Joseph Josh Joshua Josue Juan Julian Julio Julius Justin Karl Keegan
    Keenan Keith Ken Kenneth Kenny Kevin Kiran Kirk Klaus Kurt Kylar Kyle Lamar Lance Larry Lars Laurence Lawrence
    Leandro Leo Leon Leonard Leonardo Leroy Leslie Lester Levi Liam Linus Lionel Lloyd Logan Lorenzo Louis Luca
    Lucas Lucian Luis Luke Luther Malcolm Manny Manolo Manuel Marcel Marcell Marcello Marcellus Marco Marcos Marcus
    Mario Marlon Marshall Martin Marty Marvin Mateo Mathew Matt Matteo Matthew Maurice Mauricio Max Maxwell Melvin
    Micah Michael Micheal Miguel Mike Milo Milton Mitch Mitchel Mitchell Mohammed Moses Murray Nate Nathan Nathaniel
    Ned Neil Nelson Nestor Nicholas Nick Nico Nigel Nik Noah Norman Oleg Oliver Omar Orlando Oscar Oswald Otis Otto
    Owen Pablo Pancho Patrick Paul Pedro Percy Perry Pete Peter Philip Phillip Phineas Pierre Preston Quentin Rafael
    Ralph Ramon Randall Randolph Randy Raphael Raul Raymond Reggie Reginald Rene Ricardo Richard Richie Rick Ricky
    Rob Robbie Robert Roberto Rodney Rodrigo Roger Roland Rolando Roman Romeo Ron Ronald Ronnie Rory Ross Roy Ruben
    Rudolph Rudy Rufus Rupert Russell Ryan Sahir Sam Sammy Samuel Samwell Santiago Scott Sean Sebastian Sergio Seth
    Seymour Shane Shaun Shawn Sheldon Sherman Silas Simon Solomon Stanley Stefan Stephen Steve Steven Stewart Stuart
    Sven Sylas Ted Teddy Terrence Thaddeus Theo Theodore Thomas Tim Timmy Timothy Tobias Toby Todd Tom Tommy Tony
    Travis Trent Trevor Tristan Troy Tyler Tyrion Tyrone Tyson Ulrich Uriah Vernon Vicente Victor Vince Vincent
    Vladimir Wallace Wally Walt Walter Warren Wayne Wesley Wilbur Wilfred William Winston Wyatt Xavier Yusuf Zach
    Zachary Zack Zaid Zane Zeke
    """)
)

EITHER = frozenset(
    words("""
    Alex Ali Arden Ashley Avery Bailey Billie Blake Cameron Carey Casey Charlie Cho Chris Cody Corry Dana Darcy
    Dominique Emerson Frankie Franky Jaime Jamie Jan Jayme Jean Jesse Jessie Jo Jody Jordyn Karan Kelian Kelly Kerry
    Kim Kris Lee Lou Lynn Mel Mickey Misha Mishka Morgan Nicky Nikita Pat Peyton Quinn Randi Riley Rylan Sasha
    Shiloh Sidney Skyler Sloane Sydnee Taylor Terry Toni Tori Yuki
    """)
)

TITLES = frozenset(
    words(
        "Mr Mrs Ms Miss Dr Uncle Aunt Auntie Grandma Grandpa Coach Fireman Farmer Professor King Queen Prince "
        "Princess Sir"
    )
)
SURNAMES = frozenset(words("Smith Jones Brown Johnson Wilson Wertz Morisette Faraday Rogers Robles Carver Wilkins"))

# What people are called after a change. None is a word, a place, the short form of another, or ends in "s".
NEW_GIRLS = tuple(
    words(
        "Adriana Astrid Bianca Camille Daphne Edith Elsa Fiona Greta Harriet Ingrid Irina Leonie Lydia Mabel Marlene "
        "Nadia Odette Phoebe Rosalind Sabrina Tamara Ursula Valerie Winifred Yvonne Zelda"
    )
)
NEW_BOYS = tuple(
    words(
        "Alfred Bruno Conrad Dmitri Edmund Felix Gilbert Hugo Igor Jasper Leopold Nathan Otto Percy Quentin "
        "Rupert Stefan "
        "Theodor Ulrich Viktor Walter Xavier Yusuf Zoltan"
    )
)
NEW_EITHER = tuple(words("Arden Casey Darcy Emerson Jamie Morgan Quinn Riley Skyler Taylor"))


def gender(name: str) -> str:
    """Of a first name, as lists have it: "girl", "boy", "either", or "" for no name that is known.

    >>> gender("Martha"), gender("Omar"), gender("Casey"), gender("Mark")
    ('girl', 'boy', 'either', '')
    """
    if name in EITHER:
        return "either"
    return "girl" if name in GIRLS else "boy" if name in BOYS else ""


def new_name(kind: str, rng: Random, text: str) -> str:
    """A name of this kind that is nothing like a word of `text`; "" where all are taken.

    Args:
        kind: "girl", "boy" or "either".
        rng: what draws.
        text: all that the name will stand in, with the new names that are already given.
    """
    pools: dict[str, Sequence[str]] = {"girl": NEW_GIRLS, "boy": NEW_BOYS, "either": NEW_EITHER}
    small = text.lower()
    free = [name for name in pools[kind] if name[:4].lower() not in small]
    return rng.choice(free) if free else ""
