from __future__ import annotations

import json

from click.testing import CliRunner

from parley_conformance.cli import main


def test_runs_are_listed_with_their_rules() -> None:
    listed = CliRunner().invoke(main, ["list", "--family", "hostile", "--kind", "broker"])
    assert listed.exit_code == 0
    assert "hostile/no-frame[broker]  MSG-7" in listed.output


def test_an_empty_list_is_an_error() -> None:
    listed = CliRunner().invoke(main, ["list", "--filter", "no such run"])
    assert (listed.exit_code, "no case fits" in listed.output) == (2, True)


def test_json_names_checks_and_axes() -> None:
    listed = CliRunner().invoke(main, ["list", "--json", "rpc/echo", "--pair", "python-dotnet", "--content", "json"])
    (run,) = json.loads(listed.output)
    assert run["name"] == "rpc/echo[python-dotnet-json]"
    assert f"rpc/echo#{run['rules'][0]}@python-dotnet-json" == run["checks"][0]
    assert (run["caller"], run["handler"], run["content"]) == ("python", "dotnet", "json")


def test_the_parts_of_all_there_is_are_all_there_is() -> None:
    def listed(*options: str) -> list[str]:
        return [run["name"] for run in json.loads(CliRunner().invoke(main, ["list", "--json", *options]).output)]

    parts = [name for number in range(1, 5) for name in listed("--part", f"{number}/4")]
    assert sorted(parts) == sorted(listed())
    assert CliRunner().invoke(main, ["list", "--part", "5/4"]).exit_code == 2
