from templates import welcome_text


def test_welcome():
    assert "Ericeira has waves of 1.5 m" in welcome_text("ericeira", 1.5)
