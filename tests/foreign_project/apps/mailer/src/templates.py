from jinja2 import Template

WELCOME = Template(
    "Hello!\n\nWe write when {{ spot | title }} has waves of {{ '%.1f' | format(wave) }} m or more.\n"
)


def welcome_text(spot: str, wave: float) -> str:
    return WELCOME.render(spot=spot, wave=wave)
