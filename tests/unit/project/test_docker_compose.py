"""Checks of docker-compose.yml that need no Docker engine.

tests/e2e/test_deploy_compose.py runs its deployment.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from infra.deploy.compose import FRONT_DOOR, LAMBDA_ARCHITECTURES, ComposeSettings, lambda_architecture
from infra.errors import StackError
from infra.local.stack import FRONT_DOOR_PORT
from infra.paths import ROOT
from infra.servers.localstack import LocalStackServer
from infra.template import read_template

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "infra/docker/Dockerfile").read_text(encoding="utf-8")
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)


def with_env(value: str) -> str:
    """Replaces `${NAME:?message}` and `${NAME:-default}` by the variables of .env.example."""
    return re.sub(r"\$\{(\w+):[?-][^}]*\}", lambda match: EXAMPLE[match[1]], value)


def published() -> list[tuple[str, str, str]]:
    """Returns the address, the host's port and the container's port of each published port."""
    return [tuple(port.split(":")) for service in SERVICES.values() for port in service.get("ports", [])]


def test_every_service_has_a_health_check_or_runs_once() -> None:
    for name, service in SERVICES.items():
        runs_once = service.get("restart") == "no"
        assert runs_once != ("healthcheck" in service), name
        if not runs_once:
            assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name


def test_images_are_pinned() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(images) == len(SERVICES)
    for image in images:
        assert re.search(r":[A-Za-z]*\.?\d+[.-]\d+", image), f"{image} has no exact version"


def test_localstack_is_the_version_of_the_embedded_stack() -> None:
    lock = (ROOT / "infra/requirements/localstack.txt").read_text(encoding="utf-8")
    version = re.search(r"^localstack-core(?:\[\w+\])?==([\d.]+)", lock, re.MULTILINE)
    assert version is not None
    assert SERVICES["localstack"]["image"] == f"localstack/localstack:{version[1]}"


def test_ports_are_local_and_distinct() -> None:
    ports = published()
    assert all(address == "127.0.0.1" for address, _, _ in ports)
    hosts = [host for _, host, _ in ports]
    assert len(hosts) == len(set(hosts))
    assert str(FRONT_DOOR_PORT) in hosts


def test_deploy_waits_for_the_servers_and_the_front_door_waits_for_deploy() -> None:
    assert SERVICES["deploy"]["depends_on"] == {
        name: {"condition": "service_healthy"} for name in ("postgres", "minio", "localstack")
    }
    assert SERVICES["front-door"]["depends_on"]["deploy"] == {"condition": "service_completed_successfully"}


def test_deploy_has_exactly_the_variables_that_it_reads() -> None:
    given = set(SERVICES["deploy"]["environment"])
    assert given == {name.upper() for name in ComposeSettings.model_fields}


def test_deploy_accepts_its_variables() -> None:
    environment = {name: with_env(value) for name, value in SERVICES["deploy"]["environment"].items()}
    settings = ComposeSettings.read(environment)
    assert settings.source is None
    assert settings.rows == 500_000
    assert settings.database_url == "postgresql://postgres:local-postgres@postgres:5432/postgres"


def test_passwords_come_only_from_the_env_file() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|ACCESS_KEY|ROOT_USER", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert used == set(EXAMPLE)
    assert "/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_urls_contain_services_and_published_ports() -> None:
    environment = SERVICES["deploy"]["environment"]
    assert environment["POSTGRES_HOST"] in SERVICES
    for name in ("AWS_URL", "OBJECT_STORE_URL"):
        host = re.fullmatch(r"http://([\w-]+):(\d+)", environment[name])
        assert host is not None
        assert host[1] in SERVICES
    outside = {host: container for _, host, container in published()}
    for name in ("OBJECT_STORE_PUBLIC_URL", "PUBLIC_BASE_URL"):
        port = re.fullmatch(r"http://localhost:(\d+)", environment[name])
        assert port is not None
        assert port[1] in outside
    # Presigned URLs contain the port of the host, so it must be that of MinIO.
    assert outside["9000"] == "9000"
    assert SERVICES["localstack"]["environment"]["EXTRA_CORS_ALLOWED_ORIGINS"] == environment["PUBLIC_BASE_URL"]


def test_functions_run_in_containers_on_the_network() -> None:
    assert SERVICES["localstack"]["environment"]["LAMBDA_DOCKER_NETWORK"] == COMPOSE["networks"]["default"]["name"]
    assert "/var/run/docker.sock:/var/run/docker.sock" in SERVICES["localstack"]["volumes"]
    assert all("network_mode" not in service and "networks" not in service for service in SERVICES.values())


def test_both_stacks_verify_presigned_urls(tmp_path: Any) -> None:
    embedded = LocalStackServer(tmp_path, 1, 2)._environment(tmp_path)
    for stack in (embedded, SERVICES["localstack"]["environment"]):
        assert stack["S3_SKIP_SIGNATURE_VALIDATION"] == "0"


def test_the_front_door_uses_the_published_port_and_the_configuration_of_deploy() -> None:
    conf = FRONT_DOOR.read_text(encoding="utf-8")
    assert re.search(rf"listen {FRONT_DOOR_PORT};", conf)
    assert conf.count("proxy_pass http://localstack:4566/STAGE/;") == 1
    written = SERVICES["deploy"]["environment"]["FRONT_DOOR_CONF"]
    volume, folder = SERVICES["deploy"]["volumes"][0].split(":")
    assert written.startswith(f"{folder}/")
    assert written.endswith(".conf")
    assert SERVICES["front-door"]["volumes"] == [f"{volume}:/etc/nginx/conf.d:ro"]
    assert volume in COMPOSE["volumes"]
    assert f"install -d -o deployer {folder}" in DOCKERFILE


def test_the_dockerfile_copies_files_that_exist_and_are_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in ignore, source
    assert SERVICES["deploy"]["environment"]["FUNCTIONS_PACKAGE"] == "/package"
    assert "--target /package" in DOCKERFILE


def test_the_package_has_wheels_for_the_deployed_runtime_and_processor() -> None:
    template = read_template(ROOT / "template.yaml")
    runtime = template["Parameters"]["LambdaRuntime"]["Default"]
    assert f"--python-version {runtime.removeprefix('python')} " in DOCKERFILE
    assert "$(uname -m)-unknown-linux-gnu" in DOCKERFILE
    assert set(LAMBDA_ARCHITECTURES.values()) == set(template["Parameters"]["LambdaArchitecture"]["AllowedValues"])


def test_an_unsupported_processor_is_an_error() -> None:
    assert lambda_architecture("aarch64") == "arm64"
    with pytest.raises(StackError, match="'riscv64'"):
        lambda_architecture("riscv64")


@pytest.mark.parametrize("lock", ["infra/requirements/deploy.txt", "functions/requirements.txt"])
def test_lock_files_agree_with_the_tested_one(lock: str) -> None:
    assert pins(lock).items() <= pins("infra/requirements/dev.txt").items()


def test_the_lock_file_of_deploy_contains_its_group() -> None:
    group = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]["deploy"]
    assert {re.split(r"[>=<\[]", requirement)[0] for requirement in group} <= pins(
        "infra/requirements/deploy.txt"
    ).keys()


def pins(lock: str) -> dict[str, str]:
    """Returns the versions in a lock file by name."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
