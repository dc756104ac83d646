"""Settings: precedence, refusals by name and place, secrets that never show."""

from pathlib import Path

import pytest

from satellite.app.config_file import effective, example
from satellite.app.configuration import fields, load
from satellite.core.errors import ConfigError

ROOT = Path(__file__).parents[2]
SECRET = "not-a-real-key-0123456789"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "satellite.toml"


def refusal(file: Path | None = None, sets: tuple[str, ...] = (), environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, sets, environment or {})
    return str(caught.value)


def test_the_example_file_is_what_the_settings_say() -> None:
    assert (ROOT / "config" / "satellite.toml").read_text() == example()


def test_every_key_has_a_comment_and_its_default_in_the_example(file: Path) -> None:
    uncommented = "\n".join(
        line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in example().splitlines()
    )
    file.write_text(uncommented)
    assert load(file) == load(None)
    assert all(info.description and info.description.endswith(".") for _, _, info in fields())


def test_precedence_is_set_then_environment_then_file_then_default(file: Path) -> None:
    file.write_text('[live]\nmodel = "from-file"\nvoice = "from-file"\nlanguage = "from-file"\n')
    environment = {"SATELLITE_LIVE__MODEL": "from-env", "SATELLITE_LIVE__VOICE": "from-env"}
    live = load(file, ["live.model=from-set"], environment).live
    assert (live.model, live.voice, live.language) == ("from-set", "from-env", "from-file")
    assert live.api_version == ""


def test_an_unknown_key_is_named_with_its_line(file: Path) -> None:
    file.write_text("[gate]\nvad_aggressiveness = 1\n\n[audio]\nvolume = 3\n")
    assert refusal(file).startswith(f"{file}:5: audio.volume: no such key")


def test_an_unknown_section_is_named(file: Path) -> None:
    file.write_text("[sound]\nvolume = 3\n")
    assert "sound" in refusal(file)
    assert "no such section" in refusal(file)


def test_a_wrong_value_is_named_with_what_was_expected_and_what_was_given(file: Path) -> None:
    file.write_text("[audio]\n# how loud\nvolume_percent = 900\n")
    assert refusal(file) == f"{file}:3: audio.volume_percent: expected less than or equal to 100, got 900"


def test_every_mistake_gets_its_line(file: Path) -> None:
    file.write_text('[audio]\nvolume_percent = 900\n[gate]\nwake_word = "computer"\n')
    assert [line.partition(": expected")[0] for line in refusal(file).splitlines()] == [
        f"{file}:2: audio.volume_percent",
        f"{file}:4: gate.wake_word",
    ]


@pytest.mark.parametrize("text", ["[audio\n", "volume_percent 3", "[audio]\nvolume_percent = \n"])
def test_broken_toml_is_refused_with_its_position(file: Path, text: str) -> None:
    file.write_text(text)
    assert refusal(file).startswith(f"{file}: is not TOML: ")
    assert "line" in refusal(file)


def test_a_byte_order_mark_is_no_mistake(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[audio]\nvolume_percent = 7\n")
    assert load(file).audio.volume_percent == 7


def test_a_value_where_a_section_belongs_is_refused(file: Path) -> None:
    file.write_text("audio = 3\n")
    assert "audio: expected a section" in refusal(file)


def test_a_missing_file_and_one_that_is_no_text_are_refused(file: Path) -> None:
    assert "cannot be read: No such file" in refusal(file)
    file.write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in refusal(file)


def test_a_secret_is_refused_on_the_command_line_and_not_repeated() -> None:
    line = refusal(sets=(f"live.api_key={SECRET}",))
    assert "SATELLITE_LIVE__API_KEY" in line
    assert SECRET not in line


@pytest.mark.parametrize("text", ["gate.wake_word", "wake_word=alexa", "=", ""])
def test_a_set_without_section_key_and_value_is_refused(text: str) -> None:
    assert refusal(sets=(text,)) == "--set: expected section.key=value"


def test_one_underscore_in_the_environment_is_a_mistake_and_not_ignored() -> None:
    assert "SATELLITE_LIVE_MODEL" in refusal(environment={"SATELLITE_LIVE_MODEL": "x"})
    assert load(None, (), {"SATELLITE_UNRELATED": "x", "PATH": "/bin"}) == load(None)


def test_a_value_that_may_be_a_secret_is_never_repeated(file: Path) -> None:
    file.write_text(f'[live]\napi_key = ["{SECRET}"]\napikey = "{SECRET}"\n')
    assert SECRET not in refusal(file)
    assert "live.api_key" in refusal(file)


def test_secrets_are_masked_by_key_name() -> None:
    settings = load(None, (), {"SATELLITE_LIVE__API_KEY": SECRET, "SATELLITE_MQTT__PASSWORD": SECRET})
    assert SECRET not in effective(settings)
    assert 'api_key = "********"' in effective(settings)
    assert 'password = "********"' in effective(settings)
    assert SECRET not in repr(settings)


def test_the_effective_configuration_can_be_read_back(file: Path) -> None:
    settings = load(None, ["audio.volume_percent=33", "conversation.activity=automatic", "server.port=0"])
    file.write_text(effective(settings))
    assert load(file) == settings


def test_a_secret_comes_from_its_file_unless_it_is_given(file: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{SECRET}\n")
    file.write_text(f'[live]\napi_key_file = "{tmp_path / "key"}"\n')
    assert load(file).live.api_key.get_secret_value() == SECRET
    given = load(file, (), {"SATELLITE_LIVE__API_KEY": "given"})
    assert given.live.api_key.get_secret_value() == "given"


def test_an_empty_secret_file_means_that_there_is_none(file: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("")
    file.write_text(f'[live]\napi_key_file = "{tmp_path / "key"}"\n')
    assert load(file).live.api_key.get_secret_value() == ""


@pytest.mark.parametrize(
    ("name", "reason"), [("none", "No such file or directory"), ("", "Is a directory"), ("binary", "not UTF-8 text")]
)
def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    line = refusal(sets=(f"mqtt.password_file={tmp_path / name}",))
    assert line == f"mqtt.password_file: {tmp_path / name} cannot be read: {reason}"


def test_a_password_keeps_its_blanks_and_loses_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2 \n")
    settings = load(None, [f"mqtt.password_file={tmp_path / 'password'}"])
    assert settings.mqtt.password.get_secret_value() == "hunter2 "


def test_a_typing_mistake_gets_what_was_probably_meant(file: Path) -> None:
    file.write_text("[audio]\nvolume_precent = 3\n[conversaton]\n")
    assert "perhaps volume_percent" in refusal(file)
    assert "perhaps conversation" in refusal(file)


def test_a_slash_at_the_end_of_the_url_makes_it_no_other_place() -> None:
    default = load(None).live.base_url
    assert load(None, [f"live.base_url={default}/"]).live.base_url == default


@pytest.mark.parametrize("key", ["mqtt.host", "live.model"])
def test_an_empty_name_is_refused(key: str) -> None:
    assert key in refusal(sets=(f"{key}=",))


# ---------------------------------------------------------------- sections within sections


def test_a_section_within_a_section_is_read_from_file_environment_and_command_line(file: Path) -> None:
    file.write_text("[live.generation]\ntemperature = 0.1\ntop_p = 0.1\ntop_k = 1\n")
    environment = {"SATELLITE_LIVE__GENERATION__TEMPERATURE": "0.2", "SATELLITE_LIVE__GENERATION__TOP_P": "0.2"}
    generation = load(file, ["live.generation.temperature=0.3"], environment).live.generation
    assert (generation.temperature, generation.top_p, generation.top_k) == (0.3, 0.2, 1)


def test_a_mistake_within_a_section_within_a_section_is_named_with_its_line(file: Path) -> None:
    file.write_text("[live.generation]\ntemperatur = 0.1\n")
    assert refusal(file) == (
        f"{file}:2: live.generation.temperatur: no such key, perhaps temperature; config/satellite.toml lists them all"
    )
    file.write_text('[live]\n\n[live.context]\nconnection_age_s = "long"\n')
    assert refusal(file).startswith(f"{file}:4: live.context.connection_age_s: expected a valid integer")


def test_a_value_where_a_section_is_needed_is_named(file: Path) -> None:
    file.write_text('[live]\ngeneration = "hot"\n')
    assert "live.generation" in refusal(file, ("live.generation.temperature=1",))
    assert refusal(file).startswith(f"{file}:2: live.generation: expected")


def test_an_inner_secret_is_kept_off_the_command_line_and_out_of_messages(file: Path) -> None:
    assert "SATELLITE_LIVE__TOKEN__VALUE" in refusal(sets=(f"live.token.value={SECRET}",))
    assert SECRET not in refusal(sets=(f"live.token.value={SECRET}",))
    file.write_text(f'[live.token]\nvalue = ["{SECRET}"]\n')
    assert SECRET not in refusal(file)


def test_an_inner_secret_may_come_from_a_file(tmp_path: Path) -> None:
    kept = tmp_path / "token"
    kept.write_text(f"{SECRET}\n")
    settings = load(None, [f"live.token.value_file={kept}", f"video.authorization_file={kept}"])
    assert settings.live.token.value.get_secret_value() == SECRET
    assert settings.video.authorization.get_secret_value() == SECRET
    assert SECRET not in effective(settings)
    assert refusal(sets=("live.token.value_file=/nowhere/token",)).startswith("live.token.value_file: /nowhere/token")


def test_a_list_may_be_written_between_commas_outside_the_file() -> None:
    settings = load(None, ["live.transcription.language_codes=de-DE, fr-FR"])
    assert settings.live.transcription.language_codes == ("de-DE", "fr-FR")


def test_functions_of_the_users_own_are_read_and_shown(file: Path) -> None:
    file.write_text(
        "[tools.functions.lights]\n"
        'description = "Turns the lights on or off"\ncommand = ["/usr/local/bin/lights"]\n'
        'parameters = { type = "object", properties = { on = { type = "boolean" } } }\n'
    )
    settings = load(file)
    assert settings.tools.functions["lights"].command == ("/usr/local/bin/lights",)
    shown = file.with_name("shown.toml")
    shown.write_text(effective(settings))
    assert load(shown).tools == settings.tools
    file.write_text('[tools.functions.lights]\ndescription = "Turns the lights on or off"\n')
    assert "tools.functions.lights.command" in refusal(file)


def test_a_budget_of_money_needs_prices(file: Path) -> None:
    file.write_text("[usage]\ndaily_cost = 5.0\n")
    assert "usage.prices" in refusal(file)
    file.write_text("[usage]\ndaily_cost = 5.0\n[usage.prices]\naudio_in = 3.0\n")
    assert load(file).usage.daily_cost == 5.0
