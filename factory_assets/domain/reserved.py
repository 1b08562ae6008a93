"""Names that are taken: by the languages, by their tools, and by the layout of the repos that the factory builds."""

from __future__ import annotations

import keyword
import sys

# Windows cannot make a folder of such a name, so nobody there could clone the repo:
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
DEVICES = frozenset({
    "con", "prn", "aux", "nul",
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
})  # fmt: skip

# A package, command or folder of such a name would be a folder that git ignores, that the gates take for tests or
# for what others wrote, or that a tool of the language treats in its own way.
LAYOUT = frozenset({
    "benches", "bin", "build", "cmd", "dist", "doc", "docs", "example", "examples", "internal", "lib", "makefile",
    "node-modules", "pkg", "script", "scripts", "spec", "src", "target", "test", "testdata", "tests",
    "third-party", "vendor", "venv",
})  # fmt: skip

# Bash's keywords and builtins (`compgen -bk`), coreutils, and what else scripts call without a path. A tool of such
# a name is never found, or is found in place of the real one.
COMMANDS = frozenset({
    "alias", "bind", "break", "builtin", "caller", "case", "command", "compgen", "complete", "compopt", "continue",
    "coproc", "declare", "dirs", "disown", "done", "echo", "elif", "else", "enable", "esac", "eval", "exec",
    "exit", "export", "false", "for", "function", "getopts", "hash", "help", "history", "jobs", "kill", "let",
    "local", "logout", "mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray", "readonly", "return",
    "select", "set", "shift", "shopt", "source", "suspend", "test", "then", "time", "times", "trap", "true",
    "type", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
    "arch", "b2sum", "base32", "base64", "basename", "basenc", "cat", "chcon", "chgrp", "chmod", "chown", "chroot",
    "cksum", "comm", "csplit", "cut", "date", "dir", "dircolors", "dirname", "env", "expand", "expr", "factor",
    "fmt", "fold", "groups", "head", "hostid", "install", "join", "link", "logname", "md5sum", "mkdir", "mkfifo",
    "mknod", "mktemp", "nice", "nohup", "nproc", "numfmt", "paste", "pathchk", "pinky", "printenv", "ptx",
    "readlink", "realpath", "rmdir", "runcon", "seq", "sha1sum", "sha224sum", "sha256sum", "sha384sum",
    "sha512sum", "shred", "shuf", "sleep", "sort", "split", "stat", "stdbuf", "stty", "sum", "sync", "tac",
    "tail", "tee", "timeout", "touch", "truncate", "tsort", "tty", "uname", "unexpand", "uniq", "unlink", "users",
    "vdir", "who", "whoami", "yes",
    "apt", "awk", "bash", "bats", "brew", "cargo", "clear", "cmp", "crontab", "curl", "dash", "diff", "docker",
    "egrep", "fgrep", "file", "find", "free", "gawk", "gcc", "git", "gofmt", "grep", "gunzip", "gzip", "kubectl",
    "less", "locate", "login", "lsof", "make", "man", "more", "mount", "node", "npm", "npx", "passwd", "patch",
    "perl", "pgrep", "ping", "pip", "pip3", "pipx", "pkill", "python", "python3", "reset", "rsync", "ruby", "ruff",
    "rustc", "rustup", "scp", "screen", "sed", "service", "sftp", "shellcheck", "ssh", "strace", "strings", "sudo",
    "systemctl", "tar", "tmux", "top", "tput", "tsc", "umount", "unzip", "uptime", "vim", "watch", "wget",
    "which", "xargs", "xxd", "yarn", "zip", "zsh",
})  # fmt: skip

# Built repos support Python 3.10 and later, so the modules that came or went since are taken as well.
PYTHON_STANDARD = sys.stdlib_module_names | {
    "annotationlib", "asynchat", "asyncore", "aifc", "audioop", "binhex", "cgi", "cgitb", "chunk", "compression",
    "crypt", "distutils", "imghdr", "imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev",
    "pipes", "smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "tomllib", "uu", "xdrlib",
}  # fmt: skip
# What the scaffold's build and test runs import from the folder or beside it, and what Python imports unasked.
PYTHON = (
    PYTHON_STANDARD
    | set(keyword.kwlist)
    | set(keyword.softkwlist)
    | {
        "colorama", "conftest", "coverage", "exceptiongroup", "hypothesis", "iniconfig", "mypy", "packaging",
        "pip", "pkg_resources", "pluggy", "py", "pygments", "pytest", "pytest_asyncio", "pytest_cov",
        "pytest_mock", "setup", "setuptools", "site_packages", "sitecustomize", "tomli", "typing_extensions",
        "usercustomize", "wheel", "xdist",
    }
)  # fmt: skip

# `require("module").builtinModules` of Node 20 and later; npm takes no new package of such a name:
# https://github.com/npm/validate-npm-package-name
NODE_STANDARD = frozenset({
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
    "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module",
    "net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "sea", "sqlite",
    "stream", "string_decoder", "sys", "test", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm",
    "wasi", "worker_threads", "zlib",
})  # fmt: skip
# npm installs no package into one of the same name, and typescript is a dependency of every scaffold.
NODE = NODE_STANDARD | {"node_modules", "tslib", "typescript", "undici_types"}

# The first elements of the paths of the standard library.
GO_STANDARD = frozenset({
    "archive", "bufio", "builtin", "bytes", "C", "cmp", "compress", "container", "context", "crypto", "database",
    "debug", "embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index",
    "internal", "io", "iter", "log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp",
    "runtime", "slices", "sort", "strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time",
    "unicode", "unique", "unsafe", "uuid", "weak",
})  # fmt: skip
# Its packages' own names, then keywords and predeclared identifiers (https://go.dev/ref/spec).
GO = GO_STANDARD | {
    "adler32", "aes", "ascii85", "asn1", "ast", "atomic", "base32", "base64", "big", "binary", "bits", "buildinfo",
    "bzip2", "cgi", "cgo", "cipher", "cmplx", "color", "comment", "constant", "constraint", "cookiejar", "coverage",
    "crc32", "crc64", "cryptotest", "csv", "des", "doc", "draw", "driver", "dsa", "dwarf", "ecdh", "ecdsa",
    "ed25519", "elf", "elliptic", "exec", "fcgi", "filepath", "fips140", "flate", "fnv", "format", "fs", "fstest",
    "gif", "gob", "gosym", "gzip", "heap", "hex", "hkdf", "hmac", "hpke", "http", "httptest", "httptrace",
    "httputil", "importer", "iotest", "ioutil", "jpeg", "json", "jsonrpc", "jsontext", "list", "lzw", "macho",
    "mail", "maphash", "md5", "metrics", "mldsa", "mlkem", "mlkemtest", "multipart", "netip", "palette", "parse",
    "parser", "pbkdf2", "pe", "pem", "pkix", "plan9obj", "png", "pprof", "printer", "quick", "quotedprintable", "race",
    "rand", "rc4", "ring", "rpc", "rsa", "scanner", "sha1", "sha256", "sha3", "sha512", "signal", "slog",
    "slogtest", "smtp", "sql", "subtle", "suffixarray", "synctest", "syntax", "syslog", "tabwriter", "tar",
    "template", "textproto", "tls", "token", "trace", "types", "tzdata", "url", "user", "utf16", "utf8", "uuid",
    "version", "x509", "xml", "zip", "zlib",
    "break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "goto",
    "if", "import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type", "var",
    "any", "append", "bool", "byte", "cap", "clear", "close", "comparable", "complex", "complex64", "complex128",
    "copy", "delete", "error", "false", "float32", "float64", "imag", "init", "int", "int8", "int16", "int32",
    "int64", "iota", "len", "main", "make", "max", "min", "new", "nil", "panic", "print", "println", "real",
    "recover", "rune", "std", "string", "true", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr",
}  # fmt: skip
# `go tool dist list`: the go command builds a file whose name ends in `_` and one of these there alone, and takes
# one that ends in `_test` for a test. Files are named after their tool.
GO_FILE_ENDINGS = frozenset({
    "test",
    "aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux", "netbsd", "openbsd",
    "plan9", "solaris", "wasip1", "windows", "unix", "zos", "hurd", "nacl",
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le",
    "riscv64", "s390x", "sparc64", "wasm", "riscv", "sparc", "ppc",
})  # fmt: skip

RUST_STANDARD = frozenset({"std", "core", "alloc", "proc_macro", "test", "crate", "self", "super"})
# https://doc.rust-lang.org/reference/keywords.html, and what `cargo new` refuses.
RUST = RUST_STANDARD | {
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type",
    "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "macro_rules", "raw", "safe",
    "union", "build", "deps", "examples", "incremental", "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64",
    "i128", "isize", "str", "u8", "u16", "u32", "u64", "u128", "usize", "f16", "f128",
}  # fmt: skip
