"""The calls into Windows, each declared once, with its types and its check for failure: the one room for ctypes."""

from __future__ import annotations

import ctypes
import errno
import sys
from contextlib import contextmanager
from ctypes import wintypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

assert sys.platform == "win32"  # noqa: S101  # mypy takes it as the switch between the systems

GENERIC_WRITE = 0x40000000
READ_CONTROL, FILE_SHARE_EVERYTHING = 0x20000, 0x7
CREATE_NEW, OPEN_EXISTING = 1, 3
FILE_ATTRIBUTE_NORMAL, FILE_FLAG_OPEN_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS = 0x80, 0x00200000, 0x02000000
SDDL_REVISION_1 = 1
SE_FILE_OBJECT = 1
EVENTLOG_ERROR_TYPE, EVENTLOG_WARNING_TYPE = 0x1, 0x2
OWNER_SECURITY_INFORMATION = 0x1
DACL_SECURITY_INFORMATION = 0x4
PROTECTED_DACL_SECURITY_INFORMATION = 0x80000000
STD_INPUT_HANDLE = -10
TOKEN_QUERY = 0x8
TOKEN_USER = 1
TRUSTEE_IS_SID = 0
DRIVE_REMOTE = 4
MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH = 0x1, 0x8
LOCKFILE_FAIL_IMMEDIATELY, LOCKFILE_EXCLUSIVE_LOCK = 0x1, 0x2
ERROR_LOCK_VIOLATION, ERROR_IO_PENDING = 33, 997

_UNABLE_TO_REMOVE_REPLACED = 1175
_INVALID_HANDLE = ctypes.c_void_p(-1).value


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


class Trustee(ctypes.Structure):
    """TRUSTEE_W, for an account that is named by its identifier."""

    _fields_ = (
        ("pMultipleTrustee", ctypes.c_void_p),
        ("MultipleTrusteeOperation", ctypes.c_int),
        ("TrusteeForm", ctypes.c_int),
        ("TrusteeType", ctypes.c_int),
        ("ptstrName", ctypes.c_void_p),
    )


class Overlapped(ctypes.Structure):
    """OVERLAPPED, of which locks use the position."""

    _fields_ = (
        ("Internal", ctypes.c_void_p),
        ("InternalHigh", ctypes.c_void_p),
        ("Offset", wintypes.DWORD),
        ("OffsetHigh", wintypes.DWORD),
        ("hEvent", wintypes.HANDLE),
    )


ConsoleHandler = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)


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


def _is_replaced(result: int, _function: Any, _arguments: tuple[Any, ...]) -> int:
    if result:
        return result
    code = ctypes.get_last_error()
    if code == _UNABLE_TO_REMOVE_REPLACED:  # a reader has it open: the same as denied access
        raise PermissionError(errno.EACCES, ctypes.FormatError(code))
    raise ctypes.WinError(code)


def _is_locked(result: int, _function: Any, _arguments: tuple[Any, ...]) -> bool:
    if result:
        return True
    code = ctypes.get_last_error()
    if code in {ERROR_LOCK_VIOLATION, ERROR_IO_PENDING}:  # another process holds it
        return False
    raise ctypes.WinError(code)


def _is_anything(result: Any, _function: Any, _arguments: tuple[Any, ...]) -> Any:
    return result


def _is_null(result: int | None, _function: Any, _arguments: tuple[Any, ...]) -> None:
    if result is not None:
        raise ctypes.WinError(ctypes.get_last_error())


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
GetSecurityInfo = _declared(
    _advapi32, "GetSecurityInfo", _DWORD, _is_no_error,
    _HANDLE, ctypes.c_int, _DWORD, _VOIDS, _VOIDS, _VOIDS, _VOIDS, _VOIDS,
)  # fmt: skip
SetNamedSecurityInfo = _declared(
    _advapi32, "SetNamedSecurityInfoW", _DWORD, _is_no_error, _TEXT, ctypes.c_int, _DWORD, _VOID, _VOID, _VOID, _VOID
)
GetSecurityDescriptorLength = _declared(_advapi32, "GetSecurityDescriptorLength", _DWORD, _is_true, _VOID)
GetSecurityDescriptorDacl = _declared(
    _advapi32, "GetSecurityDescriptorDacl", _BOOL, _is_true, _VOID, _P(_BOOL), _VOIDS, _P(_BOOL)
)
ConvertStringSidToSid = _declared(_advapi32, "ConvertStringSidToSidW", _BOOL, _is_true, _TEXT, _VOIDS)
GetEffectiveRightsFromAcl = _declared(
    _advapi32, "GetEffectiveRightsFromAclW", _DWORD, _is_no_error, _VOID, _P(Trustee), _P(_DWORD)
)
CreateDirectory = _declared(_kernel32, "CreateDirectoryW", _BOOL, _is_true, _TEXT, _P(SecurityAttributes))
GetDriveType = _declared(_kernel32, "GetDriveTypeW", wintypes.UINT, _is_anything, _TEXT)
MoveFileEx = _declared(_kernel32, "MoveFileExW", _BOOL, _is_true, _TEXT, _TEXT, _DWORD)
ReplaceFile = _declared(_kernel32, "ReplaceFileW", _BOOL, _is_replaced, _TEXT, _TEXT, _TEXT, _DWORD, _VOID, _VOID)
LockFileEx = _declared(
    _kernel32, "LockFileEx", _BOOL, _is_locked, _HANDLE, _DWORD, _DWORD, _DWORD, _DWORD, _P(Overlapped)
)
UnlockFileEx = _declared(
    _kernel32, "UnlockFileEx", _BOOL, _is_anything, _HANDLE, _DWORD, _DWORD, _DWORD, _P(Overlapped)
)
GetCommandLine = _declared(_kernel32, "GetCommandLineW", _TEXT, _is_anything)
GetStdHandle = _declared(_kernel32, "GetStdHandle", _HANDLE, _is_anything, _DWORD)
GetConsoleMode = _declared(_kernel32, "GetConsoleMode", _BOOL, _is_anything, _HANDLE, _P(_DWORD))
GetConsoleWindow = _declared(_kernel32, "GetConsoleWindow", _HANDLE, _is_anything)
SetDllDirectory = _declared(_kernel32, "SetDllDirectoryW", _BOOL, _is_true, _TEXT)
SetConsoleCtrlHandler = _declared(_kernel32, "SetConsoleCtrlHandler", _BOOL, _is_true, ConsoleHandler, _BOOL)
RegisterEventSource = _declared(_advapi32, "RegisterEventSourceW", _HANDLE, _is_true, _TEXT, _TEXT)
DeregisterEventSource = _declared(_advapi32, "DeregisterEventSource", _BOOL, _is_true, _HANDLE)
ReportEvent = _declared(
    _advapi32, "ReportEventW", _BOOL, _is_true,
    _HANDLE, wintypes.WORD, wintypes.WORD, _DWORD, _VOID, wintypes.WORD, _DWORD, _P(_TEXT), _VOID,
)  # fmt: skip


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


@contextmanager
def sid_from(text: str) -> Iterator[ctypes.c_void_p]:
    """Yield a security identifier, given its written form, alive as long as the block."""
    sid = ctypes.c_void_p()
    ConvertStringSidToSid(text, ctypes.byref(sid))
    try:
        yield sid
    finally:
        LocalFree(sid)


@contextmanager
def descriptor_from(text: str) -> Iterator[ctypes.c_void_p]:
    """Yield a security descriptor, given in the security descriptor definition language, alive as long as the block."""
    descriptor = ctypes.c_void_p()
    ConvertStringSecurityDescriptorToSecurityDescriptor(text, SDDL_REVISION_1, ctypes.byref(descriptor), None)
    try:
        yield descriptor
    finally:
        LocalFree(descriptor)


def report_event(source: str, event_id: int, text: str, *, is_error: bool) -> None:
    """Add an entry to the application's log of this machine; raises OSError."""
    kind = EVENTLOG_ERROR_TYPE if is_error else EVENTLOG_WARNING_TYPE
    handle = RegisterEventSource(None, source)
    try:
        ReportEvent(handle, kind, 0, event_id, None, 1, 0, (wintypes.LPCWSTR * 1)(text), None)
    finally:
        DeregisterEventSource(handle)
