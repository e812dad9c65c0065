"""What the configuration files say, as frozen values. Reading the files is `sandbox.config.load`'s work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

EgressMode = Literal["offline", "replay", "record", "online"]
EGRESS_MODES: tuple[str, ...] = get_args(EgressMode)


@dataclass(frozen=True, slots=True)
class KvBinding:
    """`kv_namespaces`: `id` names the namespace; workers that give the same id share its data."""

    binding: str
    id: str


@dataclass(frozen=True, slots=True)
class ServiceBinding:
    """`services`: another worker of this sandbox, or one of its named entrypoints."""

    binding: str
    service: str
    entrypoint: str | None = None
    props: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AssetsConfig:
    """`assets`: static files. `directory` is absolute; `run_worker_first` is a flag or a list of path patterns, those
    that begin with `!` being the exceptions. `binding` is the name worker code uses, if any."""

    directory: Path
    binding: str | None = None
    html_handling: str = "auto-trailing-slash"
    not_found_handling: str = "none"
    run_worker_first: bool | tuple[str, ...] = False


@dataclass(frozen=True, slots=True)
class RateLimitBinding:
    """`ratelimits`: `limit` calls of a key in each window of `period` seconds (10 or 60). Bindings that give the same
    `namespace_id` share their counts."""

    binding: str
    namespace_id: str
    limit: int
    period: int


@dataclass(frozen=True, slots=True)
class UnsupportedBinding:
    """Something a wrangler file asks for that is not there yet: `kind` is wrangler's key (`d1_databases`),
    `binding` the name worker code uses, or None for what has no name (`triggers.crons`)."""

    kind: str
    binding: str | None


@dataclass(frozen=True, slots=True)
class ModuleRule:
    """`rules`: which files beside the code are uploaded. `type` is wrangler's (`Text`, `Data`, `PythonModule`)."""

    type: str
    globs: tuple[str, ...]
    fallthrough: bool = False


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """One worker folder, after choosing the environment (`env.NAME`) by wrangler's inheritance rules.

    `name` is the canonical name (folded spelling decides equality: case, `-` and `_` are one). `vars` are the plain
    values of the wrangler file; `secrets` come from `.dev.vars` or `.env` and win over `vars`. `watched` are the
    configuration files read (also those that were looked for and are absent), so that a change of any reloads.
    `version_metadata` is that binding's name, `crons` the expressions of `triggers`, `deployed_as` the name that the environment's block gives. Without `has_main` it is a worker of assets alone, and `main` is its folder.
    """

    name: str
    root: Path
    config_path: Path
    main: Path
    compatibility_date: str
    compatibility_flags: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    kv_namespaces: tuple[KvBinding, ...] = ()
    services: tuple[ServiceBinding, ...] = ()
    assets: AssetsConfig | None = None
    ratelimits: tuple[RateLimitBinding, ...] = ()
    version_metadata: str | None = None
    crons: tuple[str, ...] = ()
    has_main: bool = True
    unsupported: tuple[UnsupportedBinding, ...] = ()
    rules: tuple[ModuleRule, ...] = ()
    dev_port: int | None = None
    deployed_as: str | None = None
    cpu_ms: int | None = None
    subrequests: int | None = None
    dependencies: tuple[str, ...] = ()
    watched: tuple[Path, ...] = ()

    @property
    def module_root(self) -> Path:
        """The folder of the main module: what worker code imports lies under it."""
        return self.main.parent if self.has_main else self.root

    @property
    def main_module(self) -> str:
        """The main module's own name, `entry` for `src/entry.py`."""
        return self.main.stem

    @property
    def host_label(self) -> str:
        """The label before `.localhost`: lower case, dashes."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class LegacyAdapter:
    """How to drive a protocol 1.0 worker: one request, its body and answer mapped by dotted paths."""

    method: str
    path: str
    input_map: Mapping[str, str] = field(default_factory=dict)
    output_map: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`[workers.NAME]` of sandbox.toml. With `url` the worker is an external one, reached over HTTP."""

    name: str
    port: int | None = None
    max_concurrent_executions: int | None = None
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    probe_input: Any = None
    legacy: LegacyAdapter | None = None


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """`retry` of a stage. `max_attempts` counts the first try; delays in milliseconds."""

    max_attempts: int = 3
    backoff: Literal["exponential", "fixed"] = "exponential"
    initial_delay_ms: int = 1000
    max_delay_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class ParameterConfig:
    """`[pipelines.X.parameters.NAME]`: `type` is one of string, integer, number, boolean, array, object."""

    name: str
    type: str = "string"
    default: Any = None
    has_default: bool = False
    required: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One stage. `input` maps field names to `stage.field` paths; without it the input is what `needs` gives."""

    name: str
    worker: str
    needs: tuple[str, ...] = ()
    input: Mapping[str, str] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    retry: RetryConfig = RetryConfig()
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """`[pipelines.NAME]`. `stages` stand in an order in which every stage comes after what it needs."""

    name: str
    stages: tuple[StageConfig, ...]
    description: str = ""
    parameters: tuple[ParameterConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class EgressRoute:
    """`[[egress.routes]]`: requests whose URL matches `match` (`*` stands for anything) are answered from a folder,
    by a worker, or by another origin (`upstream`). Exactly one of the three is set."""

    match: str
    folder: Path | None = None
    worker: str | None = None
    upstream: str | None = None


@dataclass(frozen=True, slots=True)
class ScrubConfig:
    """`[egress.scrub]`: what is taken out of recordings beside our own rules. `headers`, `query` and `fields` (of JSON
    and forms) are names, in any spelling, with `*` for anything; `keep` are names that are no secrets after all;
    `patterns` are regular expressions for any text."""

    headers: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchConfig:
    """`[egress.match]`: when a recording answers a request. Query parameters and fields (of JSON and forms) that may
    differ, and headers that must be the same, too."""

    ignore_query: tuple[str, ...] = ()
    ignore_fields: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EgressConfig:
    """`cassettes` is the folder of recordings, taken from sandbox.toml's folder."""

    mode: EgressMode = "offline"
    routes: tuple[EgressRoute, ...] = ()
    cassettes: Path = Path("cassettes")
    scrub: ScrubConfig = ScrubConfig()
    match: MatchConfig = MatchConfig()


FaultKind = Literal["latency", "status", "drop", "slow_body", "truncate", "kv_429"]


@dataclass(frozen=True, slots=True)
class FaultConfig:
    """`[[faults]]`: what goes wrong on purpose, and where. None stands for "any" in all that says where.

    `points` are the places it stands at (`request`, `service`, `outbound`, `kv.get` ..., a protocol step), worked out of
    `at` and the rest. `worker` is whose request or step it is, and the caller for `service`, `outbound` and `kv`; it,
    `route` (a path, or a URL for outbound calls) and `key` may hold `*`. `binding` is its name, or a KV namespace's id.
    The others: see `sandbox.config.faults`.
    """

    kind: FaultKind
    points: tuple[str, ...]
    at: str | None = None
    worker: str | None = None
    route: str | None = None
    binding: str | None = None
    key: str | None = None
    probability: float = 1.0
    seed: int | None = None
    times: int | None = None
    ms: int = 0
    jitter_ms: int = 0
    status: int = 0
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    bytes_per_second: int = 0
    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class EventsConfig:
    """`[events]`: the event log. `max_mb` bounds its file (MiB), `max_age` (seconds) what is in it, `body_limit` the
    bodies that are kept whole (bytes); longer ones are recorded by hash and length."""

    enabled: bool = True
    max_mb: int = 256
    max_age: float = 7 * 86_400.0
    body_limit: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Everything `sandbox up` needs to know. `path` is None where no sandbox.toml was found; `root` is its folder.

    `search` are the folders whose subfolders may be workers (those before the wildcard of each `include` pattern).
    `isolates` is how many copies of each worker serve in turn, `env` the wrangler environment in force (None: the top
    level). `workers` are the hosted ones, `settings` the `[workers.NAME]` tables (hosted and external), both by canonical name.
    """

    root: Path
    path: Path | None
    state: Path
    ip: str = "127.0.0.1"
    port: int = 8787
    on_error: Literal["stale", "fail"] = "stale"
    isolates: int = 1
    env: str | None = None
    allow_hosts: tuple[str, ...] = ()
    egress: EgressConfig = EgressConfig()
    events: EventsConfig = EventsConfig()
    search: tuple[Path, ...] = ()
    workers: Mapping[str, WorkerConfig] = field(default_factory=dict)
    settings: Mapping[str, WorkerSettings] = field(default_factory=dict)
    pipelines: Mapping[str, PipelineConfig] = field(default_factory=dict)
    faults: tuple[FaultConfig, ...] = ()

    def settings_of(self, worker: str) -> WorkerSettings | None:
        """The worker's `[workers.NAME]` table, whatever the spelling of the name."""
        wanted = fold(worker)
        return next((setting for name, setting in self.settings.items() if fold(name) == wanted), None)

    def external(self) -> dict[str, WorkerSettings]:
        """The workers reached by URL: those with a `url` and no folder here (a hosted worker always wins)."""
        hosted = {fold(name) for name in self.workers}
        return {name: s for name, s in self.settings.items() if s.url is not None and fold(name) not in hosted}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration file. `key` is a dotted path (`pipelines.x.stages[1].worker`)."""

    severity: Literal["error", "warning"]
    file: Path
    key: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


def fold(name: str) -> str:
    """The form in which two names are compared: folder, wrangler name, registry name and host label are one name."""
    return name.lower().replace("-", "_")
