"""What a command says of values that it does not take, and how it is written again, in the words of make."""

import pytest

from tools.cli.arguments import Arguments
from tools.commands import apply


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--jobs=0"], "JOBS=: write a whole number of at least 1, not '0'.\n"),
        (
            ["--manager=bogus"],
            "MANAGER=: invalid choice: 'bogus' (choose from 'operator', 'customer').\n",
        ),
    ],
)
def test_a_wrong_value_is_named_by_its_make_variable_without_a_usage(capsys, words, sentence):
    arguments = Arguments("A command.")
    arguments.add_jobs()
    arguments.add_argument("--manager", choices=["operator", "customer"])
    assert arguments.parse_args(["--env=local", "--jobs=2", "--manager=customer"]).jobs == 2
    with pytest.raises(SystemExit) as ending:
        arguments.parse_args(["--env=local", *words])
    assert ending.value.code == 2
    assert capsys.readouterr().err == sentence


def test_a_command_is_written_again_with_what_differs_from_the_defaults():
    written = ["--env=prod", "--part=acme/222222222222 globex/333333333333", "--auto", "--unlock"]
    options = apply.parser().parse_args(written)
    again = apply.parser().written(options, without="unlock")
    assert again == "ENV=prod PART='acme/222222222222 globex/333333333333' AUTO=1"
    options = apply.parser().parse_args(["--env=prod", "--proof=build/proof/x", "--jobs=8"])
    again = apply.parser().written(options, without="unlock")
    assert again == "ENV=prod PROOF=build/proof/x JOBS=8"
