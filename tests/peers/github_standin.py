"""A GitHub stand-in on loopback: the REST calls that PyGithub makes, and real git over HTTP.

It is as strict as the real one where the mirror could go wrong: tokens are checked on every call, anonymous
pushes are refused, names are unique, descriptions and topics must be legal, nothing can be forced or deleted.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from github_git import admit_pushes, git, http_backend, make_server_repository, read_body, refuse_pushes

SECONDARY_LIMIT = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. For more on scraping"
    " GitHub and how it may affect your rights, please review our Terms of Service."
)
_TOPIC = re.compile(r"^[a-z0-9][a-z0-9-]{0,49}$")
_GIT_PATH = re.compile(
    r"^/(?P<owner>[^/]+)/(?P<name>[^/]+)\.git/(?P<rest>info/refs|git-(?:upload|receive)-pack)$"
)


@dataclass
class Repository:
    """One repository of the stand-in."""

    owner: str
    name: str
    path: Path
    description: str | None = None
    homepage: str | None = None
    private: bool = False
    topics: list[str] = field(default_factory=list)
    created_at: datetime = datetime(2020, 1, 1, tzinfo=UTC)

    def refs(self) -> dict[str, str]:
        """Every ref with its object."""
        lines = git("-C", str(self.path), "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Fault:
    """What to answer instead, `times` times; with `after` the request is carried out all the same."""

    method: str
    path: str
    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    after: bool = False


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class RefusedError(Exception):
    """An answer that is an error, in GitHub's form."""

    def __init__(self, status: int, message: str, *, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.reply = _json(status, {"message": message, **({"errors": errors} if errors else {})})


class GitHubStandIn:
    """`with GitHubStandIn(tmp_path, tokens={"secret": "login"}) as github:`; `github.url` is the REST API.

    `organisations` maps each to the logins that may create in it. `observer` is called with every request
    before it is answered.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tokens: Mapping[str, str],
        organisations: Mapping[str, frozenset[str]] | None = None,
        scopes: str = "repo, workflow",
        observer: Callable[[Request], None] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.root = folder / "github"
        self.root.mkdir(parents=True)
        self.tokens = dict(tokens)
        self.organisations = dict(organisations or {})
        self.scopes = scopes
        self.observer = observer
        # By this clock writes are held to the second between them that GitHub asks for.
        self.now = now
        self.written_at: list[datetime] = []
        # What organisations allow their members.
        self.members_may_create_private = True
        self.members_may_change_visibility = True
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def git_url(self) -> str:
        """Where repositories are cloned from and looked at: as https://github.com."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The REST API, where GitHub Enterprise has it."""
        return f"{self.git_url}/api/v3"

    def __enter__(self) -> GitHubStandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add_repository(self, owner: str, name: str, *, files: Mapping[str, str] | None = None) -> Repository:
        """A repository that somebody else made, with one commit of these files, or empty without any."""
        repository = self._make(owner, name)
        if files:
            work = self.root / f"{owner}-{name}-work"
            git("init", "--quiet", "--initial-branch=main", str(work))
            for path, text in files.items():
                (work / path).write_text(text)
            git("add", "--all", cwd=work)
            git("commit", "--quiet", "--message=Not the factory's", cwd=work)
            git("push", "--quiet", str(repository.path), "main", cwd=work)
        return repository

    def refuse_pushes(self, owner: str, name: str, message: str) -> None:
        """Decline every push to a repository that exists, with this message."""
        refuse_pushes(self.repositories[f"{owner}/{name}"].path, message)

    def admit_pushes(self, owner: str, name: str) -> None:
        """Take pushes again."""
        admit_pushes(self.repositories[f"{owner}/{name}"].path)

    def writes(self) -> list[str]:
        """Method and path of every request that changes something."""
        return [
            f"{request.method} {request.path}"
            for request in self.requests
            if request.method != "GET" and not request.path.endswith("git-upload-pack")
        ]

    def answer(self, request: Request) -> Reply:
        """Answer one request, faults first."""
        if self.observer is not None:
            self.observer(request)
        with self._lock:
            self.requests.append(request)
            fault = self._fault(request)
            hasty = self._is_hasty(request)
        if hasty:
            return _json(403, {"message": SECONDARY_LIMIT}, (("Retry-After", "60"),))
        if fault is not None and not fault.after:
            return _fault_reply(fault)
        try:
            reply = self._git(request) if _GIT_PATH.match(request.path) else self._rest(request)
        except RefusedError as refused:
            reply = refused.reply
        return reply if fault is None else _fault_reply(fault)

    def _is_hasty(self, request: Request) -> bool:
        if self.now is None or request.method == "GET" or request.path.endswith("git-upload-pack"):
            return False
        self.written_at.append(self.now())
        return (
            self.written_at[-1] - self.written_at[-2] < timedelta(seconds=1) if self.written_at[1:] else False
        )

    def _fault(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == request.method and re.search(fault.path, request.path):
                fault.times -= 1
                return fault
        return None

    def _make(self, owner: str, name: str) -> Repository:
        path = self.root / owner / f"{name}.git"
        path.parent.mkdir(exist_ok=True)
        make_server_repository(path)
        repository = Repository(owner, name, path)
        self.repositories[f"{owner}/{name}"] = repository
        return repository

    # REST

    def _rest(self, request: Request) -> Reply:
        login = self._bearer(request)
        parts = [part for part in request.path.removeprefix("/api/v3").split("/") if part]
        data = json.loads(request.body or b"{}")
        if parts[:1] == ["repos"]:
            return self._repository_call(request.method, parts[1:], login, data)
        return self._account_call(request.method, parts, login, data)

    def _account_call(self, method: str, parts: list[str], login: str, data: dict[str, Any]) -> Reply:
        match (method, *parts):
            case ("GET", "user"):
                return _json(200, self._account(login, "User"), (("X-OAuth-Scopes", self.scopes),))
            case ("GET", "orgs", organisation) if organisation in self.organisations:
                return _json(200, self._account(organisation, "Organization"))
            case ("POST", "user", "repos"):
                return self._create(login, data)
            case ("POST", "orgs", organisation, "repos"):
                if not self._may_write(organisation, login):
                    raise RefusedError(
                        403, "You need admin access to the organization before adding a repository to it."
                    )
                return self._create(organisation, data)
        raise RefusedError(404, "Not Found")

    def _repository_call(self, method: str, parts: list[str], login: str, data: dict[str, Any]) -> Reply:
        match (method, *parts):
            case ("GET", owner, name):
                return _json(200, self._shown(self._visible(owner, name, login)))
            case ("GET", owner, name, "topics"):
                return _json(200, {"names": self._visible(owner, name, login).topics})
            case ("PATCH", owner, name):
                return self._patch(self._writable(owner, name, login), data)
            case ("PUT", owner, name, "topics"):
                return self._put_topics(self._writable(owner, name, login), data)
        raise RefusedError(404, "Not Found")

    def _bearer(self, request: Request) -> str:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() not in {"bearer", "token"} or token not in self.tokens:
            raise RefusedError(401, "Bad credentials")
        return self.tokens[token]

    def _visible(self, owner: str, name: str, login: str) -> Repository:
        repository = self.repositories.get(f"{owner}/{name}")
        if repository is None or (repository.private and not self._may_write(owner, login)):
            raise RefusedError(404, "Not Found")
        return repository

    def _writable(self, owner: str, name: str, login: str) -> Repository:
        repository = self._visible(owner, name, login)
        if not self._may_write(owner, login):
            raise RefusedError(403, "Must have admin rights to Repository.")
        return repository

    def _may_write(self, owner: str, login: str) -> bool:
        return login == owner or login in self.organisations.get(owner, frozenset())

    def _create(self, owner: str, data: dict[str, Any]) -> Reply:
        _check(data)
        if data.get("private") and owner in self.organisations and not self.members_may_create_private:
            raise RefusedError(
                422,
                "Repository creation failed.",
                errors=[
                    {
                        "resource": "Repository",
                        "code": "custom",
                        "field": "visibility",
                        "message": "Visibility can't be private. Please upgrade your plan to make this repository"
                        " private.",
                    }
                ],
            )
        with self._lock:
            if f"{owner}/{data['name']}" in self.repositories:
                raise RefusedError(
                    422,
                    "Repository creation failed.",
                    errors=[
                        {
                            "resource": "Repository",
                            "code": "custom",
                            "field": "name",
                            "message": "name already exists on this account",
                        }
                    ],
                )
            repository = self._make(owner, data["name"])
        repository.description = data.get("description")
        repository.homepage = data.get("homepage")
        repository.private = bool(data.get("private", False))
        repository.created_at = self.now() if self.now else datetime.now(UTC)
        return _json(201, self._shown(repository))

    def _patch(self, repository: Repository, data: dict[str, Any]) -> Reply:
        _check(data)
        private = data.get("private", repository.private)
        if private != repository.private and not (
            repository.owner not in self.organisations or self.members_may_change_visibility
        ):
            raise RefusedError(422, "Visibility can't be changed by this user.")
        branch = data.get("default_branch", "main")
        if f"refs/heads/{branch}" not in repository.refs():
            raise RefusedError(
                422,
                "Validation Failed",
                errors=[
                    {
                        "resource": "Repository",
                        "field": "default_branch",
                        "code": "invalid",
                        "message": f"The branch {branch} was not found. Please push that ref first or create it via"
                        " the Git Data API.",
                    }
                ],
            )
        repository.description = data.get("description", repository.description)
        repository.private = private
        return _json(200, self._shown(repository))

    def _put_topics(self, repository: Repository, data: dict[str, Any]) -> Reply:
        names = data["names"]
        if len(names) > 20 or any(_TOPIC.match(name) is None for name in names):
            raise RefusedError(422, "Validation Failed", errors=[{"message": "a topic is not valid"}])
        repository.topics = names
        return _json(200, {"names": names})

    def _account(self, login: str, kind: str) -> dict[str, Any]:
        return {"login": login, "id": 1, "type": kind, "url": f"{self.url}/{_ACCOUNT_PATH[kind]}{login}"}

    def _shown(self, repository: Repository) -> dict[str, Any]:
        full_name = f"{repository.owner}/{repository.name}"
        kind = "Organization" if repository.owner in self.organisations else "User"
        return {
            "id": 1,
            "name": repository.name,
            "full_name": full_name,
            "owner": self._account(repository.owner, kind),
            "url": f"{self.url}/repos/{full_name}",
            "html_url": f"{self.git_url}/{full_name}",
            "clone_url": f"{self.git_url}/{full_name}.git",
            "description": repository.description,
            "homepage": repository.homepage,
            "private": repository.private,
            "default_branch": "main",
            "created_at": f"{repository.created_at:%Y-%m-%dT%H:%M:%SZ}",
            "topics": repository.topics,
        }

    # Git

    def _git(self, request: Request) -> Reply:
        match = _GIT_PATH.match(request.path)
        assert match is not None
        owner, name = match["owner"], match["name"]
        login = self._basic(request)
        writes = "git-receive-pack" in request.path or "git-receive-pack" in request.query
        repository = self.repositories.get(f"{owner}/{name}")
        if login is None and (writes or repository is None or repository.private):
            return Reply(401, b"Authentication required\n", (("WWW-Authenticate", 'Basic realm="GitHub"'),))
        if repository is None or (repository.private and not self._may_write(owner, login or "")):
            return Reply(404, b"Repository not found.\n")
        if writes and not self._may_write(owner, login or ""):
            return Reply(403, f"Permission to {owner}/{name}.git denied to {login}.\n".encode())
        status, headers, body = http_backend(
            root=self.root,
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=request.body,
            user=login or "",
        )
        return Reply(status, body, tuple(headers))

    def _basic(self, request: Request) -> str | None:
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        _, _, token = base64.b64decode(encoded).decode().partition(":")
        return self.tokens.get(token)


_ACCOUNT_PATH = {"User": "users/", "Organization": "orgs/"}


def _check(data: dict[str, Any]) -> None:
    description = data.get("description") or ""
    if len(description) > 350:
        raise RefusedError(422, "Validation Failed", errors=[{"message": "description is too long"}])
    if any(unicodedata.category(char) == "Cc" for char in description):
        raise RefusedError(
            422, "Validation Failed", errors=[{"message": "description has control characters"}]
        )
    if len(data.get("homepage") or "") > 255:
        raise RefusedError(422, "Validation Failed", errors=[{"message": "homepage is too long"}])


def _json(status: int, data: dict[str, Any], headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(
        status, json.dumps(data).encode(), (("Content-Type", "application/json; charset=utf-8"), *headers)
    )


def _fault_reply(fault: Fault) -> Reply:
    return _json(fault.status, {"message": fault.message}, tuple(fault.headers.items()))


def _handler(standin: GitHubStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            headers = {key.lower(): value for key, value in self.headers.items()}
            body = read_body(self.rfile, headers)
            reply = standin.answer(Request(self.command, parts.path, parts.query, headers, body))
            self.send_response(reply.status)
            self.send_header("X-GitHub-Request-Id", f"TEST:{len(standin.requests)}")
            self.send_header("X-RateLimit-Limit", "5000")
            names = {key.lower() for key, _ in reply.headers}
            if "x-ratelimit-remaining" not in names:
                self.send_header("X-RateLimit-Remaining", "4999")
                self.send_header("X-RateLimit-Reset", "1790000000")
            for key, value in reply.headers:
                if key.lower() != "content-length":
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *arguments: object) -> None:
            """The requests are kept instead of printed."""

    return Handler
