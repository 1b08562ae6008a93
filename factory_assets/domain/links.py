"""Links to papers and repositories in all the forms that people write, each brought to one."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import split_arxiv_id

_ARXIV_PAGE = re.compile(
    r"^(?:(?:[a-z0-9-]+\.)*(?:arxiv|ar5iv|alphaxiv)\.org/(?:abs|pdf|html|ps|format|src|e-print|overview|u)/"
    r"|huggingface\.co/papers/"
    r"|(?:(?:dx\.)?doi\.org/|doi:\s*)?10\.48550/arxiv\."
    r"|arxiv(?::\s*|\s+))",
    re.IGNORECASE,
)
# The subject class of an old id is no part of it: https://info.arxiv.org/help/arxiv_identifier.html
_SUBJECT_CLASS = re.compile(r"^([a-z-]+)\.[A-Za-z-]+/(?=\d{7})")
_SCHEME = re.compile(r"^(?:git\+)?([a-z][a-z0-9.-]*)://", re.IGNORECASE)
# git@host:owner/name, as `git clone` takes it.
_SCP = re.compile(r"^(?P<user>[^@/\s]+)@(?P<host>[^:/\s]+):(?!//)(?P<path>\S+)$")
_HOST = re.compile(r"^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$")
_OWNER_AND_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]{1,100}$")
_GITHUB_HOSTS = frozenset({
    "github.com", "www.github.com", "ssh.github.com", "api.github.com", "raw.githubusercontent.com",
    "codeload.github.com", "m.github.com",
})  # fmt: skip
# First elements of GitHub's own paths, under which there are no repositories.
_GITHUB_PAGES = frozenset({
    "about", "apps", "collections", "explore", "features", "marketplace", "notifications", "orgs", "search",
    "settings", "sponsors", "topics", "trending", "users",
})  # fmt: skip
_LINK = re.compile(r"(?:https?://|(?<![\w./@-])(?=(?:github|gitlab)\.com/))[^\s<>\"'{}|\\^`]+", re.IGNORECASE)
_CODE_HOSTS = re.compile(
    r"^(?:https?://)?(?:www\.)?(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|anonymous\.4open\.science)/",
    re.IGNORECASE,
)
_CONVERSATIONS = frozenset({"issues", "pull", "discussions"})
_SECRET_PARAMETERS = frozenset({
    "access_token", "api_key", "apikey", "auth", "client_secret", "key", "password", "passwd", "private_token",
    "pwd", "secret", "sig", "signature", "token", "x-amz-signature",
})  # fmt: skip


def paper_id(cited: str) -> str:
    """The version-free arXiv id of a paper that was cited by id, link or DOI.

    Raises:
        InputError: it names no arXiv paper.
    """
    refuse_credentials(cited)
    bare = unquote(cited).strip().strip("[]<>()").strip()
    bare = re.sub(r"^(?:https?:)?//", "", bare, flags=re.IGNORECASE)
    bare = re.split(r"[?#]|\s+\[", bare, maxsplit=1)[0].rstrip("/")
    bare = _ARXIV_PAGE.sub("", bare)
    bare = re.sub(r"\.(?:pdf|ps|ps\.gz)$", "", bare, flags=re.IGNORECASE)
    bare = re.sub(r"V(?=\d+$)", "v", bare)
    try:
        return split_arxiv_id(_SUBJECT_CLASS.sub(r"\1/", bare))[0]
    except InputError:
        raise InputError(
            f"{cited.strip()!r} is not an arXiv id.", fix="Write it as 2606.01234 or hep-th/9901001."
        ) from None


def is_paper(link: str) -> bool:
    """Whether this is a link to an arXiv paper, or an id with its prefix."""
    bare = re.sub(r"^(?:https?:)?//", "", link.strip(), flags=re.IGNORECASE)
    if _ARXIV_PAGE.match(bare) is None:
        return False
    try:
        paper_id(link)
    except InputError:
        return False
    return True


def repository(named: str) -> str:
    """A repository in one form: owner/name for one on GitHub, https://host/path for others.

    Raises:
        InputError: it names none, or holds a password.
    """
    refuse_credentials(named)
    bare = named.strip().strip("<>")
    bare = re.sub(r"^(?:gh|github):(?!//)", "", bare, flags=re.IGNORECASE)
    if _OWNER_AND_NAME.fullmatch(bare.removesuffix("/").removesuffix(".git")):
        return bare.removesuffix("/").removesuffix(".git")
    host, path, _ = _parts(bare)
    parts = [part for part in path.split("/") if part]
    if host in _GITHUB_HOSTS:
        return _on_github(parts, named)
    if len(parts) < 2:
        raise _no_link(named, "is no repository", "Write it as https://github.com/owner/name.")
    return f"https://{host}/{'/'.join(parts).removesuffix('.git')}"


def repositories_in(text: str) -> dict[str, str]:
    """The repositories that a text names by link, each by its one form with the address of its page."""
    links = (link.rstrip(".,;:!?)]*") for link in _LINK.findall(text))
    pages: dict[str, str] = {}
    for link in filter(_CODE_HOSTS.match, links):
        try:
            name = repository(link)
        except InputError:
            continue
        pages.setdefault(name, repository_page(name))
    return pages


def repository_page(name: str) -> str:
    """The page of a repository in the form that `repository` gives."""
    return name if "://" in name else f"https://github.com/{name}"


def web_page(link: str) -> str:
    """A page in one form. A link into a GitHub repository becomes that of the repository, but for a conversation.

    Raises:
        InputError: it is no link to a web page, or holds a password.
    """
    refuse_credentials(link)
    bare = link.strip().strip("<>")
    host, path, query = _parts(bare)
    parts = [part for part in path.split("/") if part]
    if host in _GITHUB_HOSTS:
        page = f"https://github.com/{_on_github(parts, link)}"
        is_conversation = len(parts) >= 4 and parts[2] in _CONVERSATIONS and parts[3].isdigit()
        return f"{page}/{parts[2]}/{parts[3]}" if is_conversation else page
    scheme = _SCHEME.match(bare)
    if scheme and scheme[1].lower() not in {"https", "http"}:
        raise InputError("it must be a link (https://…)")
    kept = scheme[1].lower() if scheme else "https"
    return f"{kept}://{host}{path}{f'?{query}' if query else ''}"


def refuse_credentials(link: str) -> None:
    """Refuse a link that would carry somebody's password or token into what is published.

    Raises:
        InputError: without showing the link.
    """
    scheme, scp = _SCHEME.match(link.strip()), _SCP.match(link.strip())
    place = re.split(r"[/?#]", link.strip()[scheme.end() if scheme else 0 :], maxsplit=1)[0]
    user = scp["user"] if scp else place.rpartition("@")[0]
    over_ssh = scp is not None or (scheme is not None and scheme[1].lower() in {"ssh", "git"})
    if user and not (user == "git" and over_ssh):
        raise InputError("The link holds a user name or a password.", fix="Write the link without them.")
    query = link.partition("?")[2].partition("#")[0]
    named = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    if named & _SECRET_PARAMETERS:
        raise InputError("The link holds a key in its query.", fix="Write the link without it.")


def _on_github(parts: list[str], named: str) -> str:
    inside = parts[1:] if parts[:1] == ["repos"] else parts
    pair = "/".join(inside[:2]).removesuffix(".git")
    if len(inside) < 2 or inside[0].lower() in _GITHUB_PAGES or not _OWNER_AND_NAME.fullmatch(pair):
        raise _no_link(named, "is no repository on GitHub", "Write it as https://github.com/owner/name.")
    return pair


def _parts(link: str) -> tuple[str, str, str]:
    """Host, path and query, of a link with or without a scheme or in git's short form."""
    if scp := _SCP.match(link):
        return scp["host"].lower(), f"/{scp['path']}".replace("//", "/"), ""
    found = _SCHEME.match(link)
    try:
        split = urlsplit(f"//{link[found.end() :]}" if found else f"//{link.removeprefix('//')}")
        host, port = (split.hostname or "").lower(), split.port
    except ValueError:
        raise InputError("it must be a link (https://…)") from None
    if not (_HOST.fullmatch(host) or (found and host)) or re.search(r"\s", link):
        raise InputError("it must be a link (https://…)")
    # Another port than the usual ones belongs to the address of a page; git's own have no page there.
    with_port = port and port not in {22, 80, 443, 9418}
    if with_port and host not in _GITHUB_HOSTS:
        host = f"{host}:{port}"
    return host, split.path, split.query


def _no_link(said: str, why: str, fix: str) -> InputError:
    return InputError(f"{said.strip()!r} {why}.", fix=fix)
