"""The calls into Windows that files and access lists need, each declared with its types and its check for failure."""

from __future__ import annotations

import ctypes
import errno
import sys
from ctypes import wintypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems

GENERIC_WRITE = 0x40000000
CREATE_NEW = 1
FILE_ATTRIBUTE_NORMAL = 0x80
SDDL_REVISION_1 = 1
SE_FILE_OBJECT = 1
DACL_SECURITY_INFORMATION = 0x4
MOVEFILE_REPLACE_EXISTING = 0x1
MOVEFILE_WRITE_THROUGH = 0x8
STD_INPUT_HANDLE = -10
TOKEN_QUERY = 0x8
TOKEN_USER = 1

_INVALID_HANDLE = ctypes.c_void_p(-1).value
_ERROR_UNABLE_TO_REMOVE_REPLACED = 1175
_INHERIT_ONLY_ACE = 0x8
_ALLOWING_ACES = frozenset({0x0, 0x9})
"""ACCESS_ALLOWED_ACE_TYPE and ACCESS_ALLOWED_CALLBACK_ACE_TYPE; the others deny, audit or are about directories."""


class SecurityAttributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES."""

    _fields_ = (
        ("nLength", wintypes.DWORD),
        ("lpSecurityDescriptor", ctypes.c_void_p),
        ("bInheritHandle", wintypes.BOOL),
    )


class SidAndAttributes(ctypes.Structure):
    """SID_AND_ATTRIBUTES, which is all of TOKEN_USER."""

    _fields_ = (("Sid", ctypes.c_void_p), ("Attributes", wintypes.DWORD))


class _Acl(ctypes.Structure):
    _fields_ = (
        ("AclRevision", ctypes.c_ubyte),
        ("Sbz1", ctypes.c_ubyte),
        ("AclSize", wintypes.WORD),
        ("AceCount", wintypes.WORD),
        ("Sbz2", wintypes.WORD),
    )


class _AccessAllowedAce(ctypes.Structure):
    _fields_ = (
        ("AceType", ctypes.c_ubyte),
        ("AceFlags", ctypes.c_ubyte),
        ("AceSize", wintypes.WORD),
        ("Mask", wintypes.DWORD),
        ("SidStart", wintypes.DWORD),
    )


def _is_true(result: int, _function: Any, _arguments: tuple[Any, ...]) -> int:
    if not result:
        raise ctypes.WinError(ctypes.get_last_error())
    return result


def _is_handle(result: int, _function: Any, _arguments: tuple[Any, ...]) -> int:
    if result == _INVALID_HANDLE:
        raise ctypes.WinError(ctypes.get_last_error())
    return result


def _is_no_error(result: int, _function: Any, _arguments: tuple[Any, ...]) -> int:
    if result:
        raise ctypes.WinError(result)
    return result


def _anything(result: Any, _function: Any, _arguments: tuple[Any, ...]) -> Any:
    return result


def _is_null(result: int | None, _function: Any, _arguments: tuple[Any, ...]) -> None:
    if result is not None:
        raise ctypes.WinError(ctypes.get_last_error())


def _is_replaced(result: int, _function: Any, _arguments: tuple[Any, ...]) -> int:
    if not result and ctypes.get_last_error() == _ERROR_UNABLE_TO_REMOVE_REPLACED:
        # A reader has it open: the same as denied access.
        raise PermissionError(errno.EACCES, ctypes.FormatError(_ERROR_UNABLE_TO_REMOVE_REPLACED))
    return _is_true(result, _function, _arguments)


def _declared(
    library: ctypes.WinDLL, name: str, restype: Any, errcheck: Callable[[Any, Any, Any], Any], *argtypes: Any
) -> Any:
    function = getattr(library, name)
    function.argtypes, function.restype, function.errcheck = argtypes, restype, errcheck
    return function


_P = ctypes.POINTER
_BOOL, _DWORD, _HANDLE, _TEXT = wintypes.BOOL, wintypes.DWORD, wintypes.HANDLE, wintypes.LPCWSTR
_BUFFER, _VOID, _VOIDS = wintypes.LPWSTR, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)

CreateFile = _declared(
    _kernel32, "CreateFileW", _HANDLE, _is_handle,
    _TEXT, _DWORD, _DWORD, _P(SecurityAttributes), _DWORD, _DWORD, _HANDLE,
)  # fmt: skip
MoveFileEx = _declared(_kernel32, "MoveFileExW", _BOOL, _is_true, _TEXT, _TEXT, _DWORD)
ReplaceFile = _declared(_kernel32, "ReplaceFileW", _BOOL, _is_replaced, _TEXT, _TEXT, _TEXT, _DWORD, _VOID, _VOID)
CloseHandle = _declared(_kernel32, "CloseHandle", _BOOL, _is_true, _HANDLE)
LocalFree = _declared(_kernel32, "LocalFree", _VOID, _is_null, _VOID)
GetCurrentProcess = _declared(_kernel32, "GetCurrentProcess", _HANDLE, _is_true)
OpenProcessToken = _declared(_advapi32, "OpenProcessToken", _BOOL, _is_true, _HANDLE, _DWORD, _P(_HANDLE))
GetTokenInformation = _declared(
    _advapi32, "GetTokenInformation", _BOOL, _is_true, _HANDLE, ctypes.c_int, _VOID, _DWORD, _P(_DWORD)
)
ConvertSidToStringSid = _declared(_advapi32, "ConvertSidToStringSidW", _BOOL, _is_true, _VOID, _VOIDS)
LookupAccountSid = _declared(
    _advapi32, "LookupAccountSidW", _BOOL, _is_true,
    _TEXT, _VOID, _BUFFER, _P(_DWORD), _BUFFER, _P(_DWORD), _P(ctypes.c_int),
)  # fmt: skip
ConvertStringSecurityDescriptorToSecurityDescriptor = _declared(
    _advapi32, "ConvertStringSecurityDescriptorToSecurityDescriptorW", _BOOL, _is_true,
    _TEXT, _DWORD, _VOIDS, _P(wintypes.ULONG),
)  # fmt: skip
GetNamedSecurityInfo = _declared(
    _advapi32, "GetNamedSecurityInfoW", _DWORD, _is_no_error,
    _TEXT, ctypes.c_int, _DWORD, _VOIDS, _VOIDS, _VOIDS, _VOIDS, _VOIDS,
)  # fmt: skip
GetAce = _declared(_advapi32, "GetAce", _BOOL, _is_true, _VOID, _DWORD, _VOIDS)
RegisterEventSource = _declared(_advapi32, "RegisterEventSourceW", _HANDLE, _is_true, _TEXT, _TEXT)
DeregisterEventSource = _declared(_advapi32, "DeregisterEventSource", _BOOL, _is_true, _HANDLE)
ReportEvent = _declared(
    _advapi32, "ReportEventW", _BOOL, _is_true,
    _HANDLE, wintypes.WORD, wintypes.WORD, _DWORD, _VOID, wintypes.WORD, _DWORD, _P(_TEXT), _VOID,
)  # fmt: skip
EVENTLOG_ERROR_TYPE = 0x1
EVENTLOG_WARNING_TYPE = 0x2


GetStdHandle = _declared(_kernel32, "GetStdHandle", _HANDLE, _anything, _DWORD)
GetConsoleMode = _declared(_kernel32, "GetConsoleMode", _BOOL, _anything, _HANDLE, _P(_DWORD))
GetConsoleWindow = _declared(_kernel32, "GetConsoleWindow", _HANDLE, _anything)


def is_console(standard_handle: int) -> bool:
    """Whether a standard handle is that of a console: NUL is a character device too."""
    handle = GetStdHandle(standard_handle & 0xFFFFFFFF)
    return bool(handle) and bool(GetConsoleMode(handle, ctypes.byref(wintypes.DWORD())))


def sid_text(sid: Any) -> str:
    """Return a security identifier in its written form, S-1-..."""
    text = ctypes.c_void_p()
    ConvertSidToStringSid(sid, ctypes.byref(text))
    try:
        return ctypes.wstring_at(text.value or 0)
    finally:
        LocalFree(text)


def allowing_entries(acl: ctypes.c_void_p) -> Iterator[tuple[str, int]]:
    """Yield identifier (S-1-...) and rights of each entry of an access list that allows something."""
    count = ctypes.cast(acl, _P(_Acl)).contents.AceCount
    for index in range(count):
        entry = ctypes.c_void_p()
        GetAce(acl, index, ctypes.byref(entry))
        ace = ctypes.cast(entry, _P(_AccessAllowedAce)).contents
        if ace.AceType in _ALLOWING_ACES and not ace.AceFlags & _INHERIT_ONLY_ACE:
            yield sid_text((entry.value or 0) + _AccessAllowedAce.SidStart.offset), ace.Mask


def report_event(source: str, event_id: int, text: str, *, is_error: bool) -> None:
    """Add an entry to the application's log of this machine; raises OSError."""
    kind = EVENTLOG_ERROR_TYPE if is_error else EVENTLOG_WARNING_TYPE
    handle = RegisterEventSource(None, source)
    try:
        ReportEvent(handle, kind, 0, event_id, None, 1, 0, (wintypes.LPCWSTR * 1)(text), None)
    finally:
        DeregisterEventSource(handle)
