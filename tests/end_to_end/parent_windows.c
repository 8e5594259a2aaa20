/* A native parent of the program, as the agent of a scheduler is one: it starts a command line with CreateProcess, lets
 * console events happen, and reports the exit code as Windows has it.
 *
 *     parent_windows FLAGS STREAM FILE
 *
 * FLAGS is `shared` (the program gets the console of its parent, which is one without a window), `no-window` (a console of
 * its own, without a window) or `detached` (no console), with `+group` behind it for a process group of its own; STREAM is
 * what the program gets as standard output and error: `pipe` (its bytes are passed on), `nul`, `none`, or the path of a
 * file; FILE holds the command line, in UTF-8, as it is to be passed: nothing is quoted or taken apart.
 *
 * Each line on standard input is an event: `ctrl-c`, `ctrl-break`, `terminate`, or one that the child is told as Windows
 * tells it, by the routine that runs its handlers: `told-break`, `told-close`, `told-logoff`, `told-shutdown`. The last line on standard output is
 * `exit code N`, N without a sign, as GetExitCodeProcess says it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define TERMINATED 0xDEAD
#define DELIVERY_MS 300
#define HAS_CONSOLE "PARENT_HAS_CONSOLE"

static PROCESS_INFORMATION child;
static HANDLE from_child, output;
static BOOL is_shared;

static void fail(const char *what) {
    fprintf(stderr, "parent_windows: %s: error %lu\n", what, GetLastError());
    exit(99);
}

static BOOL WINAPI unmoved(DWORD event) {
    (void)event;
    return TRUE;
}

/* An event reaches every process of a console: this one joins that of its child where it is another one, and stays. */
static void let_happen(DWORD event, DWORD group) {
    if (!is_shared) {
        FreeConsole();
        if (!AttachConsole(child.dwProcessId)) fail("AttachConsole");
    }
    SetConsoleCtrlHandler(unmoved, TRUE);
    if (!GenerateConsoleCtrlEvent(event, group)) fail("GenerateConsoleCtrlEvent");
    Sleep(DELIVERY_MS);
}

static void tell(DWORD event) {
    LPTHREAD_START_ROUTINE routine = (LPTHREAD_START_ROUTINE)GetProcAddress(GetModuleHandleA("kernelbase"), "CtrlRoutine");
    if (!routine) fail("CtrlRoutine");
    if (!CreateRemoteThread(child.hProcess, NULL, 0, routine, (void *)(DWORD_PTR)event, 0, NULL)) fail("CreateRemoteThread");
}

static DWORD WINAPI read_events(void *has_group) {
    char line[64];
    DWORD group = has_group ? child.dwProcessId : 0;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strcmp(line, "ctrl-c")) let_happen(CTRL_C_EVENT, 0);
        else if (!strcmp(line, "ctrl-break")) let_happen(CTRL_BREAK_EVENT, group);
        else if (!strcmp(line, "told-break")) tell(CTRL_BREAK_EVENT);
        else if (!strcmp(line, "told-close")) tell(CTRL_CLOSE_EVENT);
        else if (!strcmp(line, "told-logoff")) tell(CTRL_LOGOFF_EVENT);
        else if (!strcmp(line, "told-shutdown")) tell(CTRL_SHUTDOWN_EVENT);
        else if (!strcmp(line, "terminate")) TerminateProcess(child.hProcess, TERMINATED);
        else fail("an unknown event");
    }
    return 0;
}

static DWORD WINAPI pass_on(void *unused) {
    char bytes[4096];
    DWORD count, written;
    (void)unused;
    while (ReadFile(from_child, bytes, sizeof bytes, &count, NULL) && count)
        WriteFile(output, bytes, count, &written, NULL);
    return 0;
}

static wchar_t *command_line(const char *path) {
    static char text[32768];
    static wchar_t wide[32768];
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    if (!MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, 32768)) fail("the command line");
    return wide;
}

static HANDLE opened(const char *path, DWORD access) {
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    HANDLE file = CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited,
                              access == GENERIC_READ ? OPEN_EXISTING : OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) fail(path);
    return file;
}

static HANDLE end_of_pipe(void) {
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    HANDLE end;
    if (!CreatePipe(&from_child, &end, &inherited, 0)) fail("CreatePipe");
    SetHandleInformation(from_child, HANDLE_FLAG_INHERIT, 0);
    return end;
}

static DWORD creation_flags(const char *words) {
    DWORD flags = 0;
    if (strstr(words, "no-window")) flags |= CREATE_NO_WINDOW;
    if (strstr(words, "detached")) flags |= DETACHED_PROCESS;
    if (strstr(words, "+group")) flags |= CREATE_NEW_PROCESS_GROUP;
    return flags;
}

static STARTUPINFOW streams(const char *kind) {
    STARTUPINFOW startup;
    memset(&startup, 0, sizeof startup);
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    if (!strcmp(kind, "none")) return startup;
    startup.hStdInput = opened("NUL", GENERIC_READ);
    startup.hStdOutput = !strcmp(kind, "pipe") ? end_of_pipe() : opened(!strcmp(kind, "nul") ? "NUL" : kind, GENERIC_WRITE);
    startup.hStdError = startup.hStdOutput;
    return startup;
}

/* Start this program again with a console of its own that has no window, and end as it ends. */
static void start_with_console(void) {
    STARTUPINFOW startup;
    DWORD exit_code;
    memset(&startup, 0, sizeof startup);
    startup.cb = sizeof startup;
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    SetHandleInformation(startup.hStdInput, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    SetHandleInformation(startup.hStdOutput, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    SetHandleInformation(startup.hStdError, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    SetEnvironmentVariableA(HAS_CONSOLE, "1");
    if (!CreateProcessW(NULL, GetCommandLineW(), NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL, &startup, &child))
        fail("CreateProcess");
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &exit_code);
    ExitProcess(exit_code);
}

int main(int count, char **words) {
    DWORD exit_code;
    HANDLE reader = NULL;
    STARTUPINFOW startup;
    if (count != 4) fail("FLAGS STREAM FILE");
    is_shared = !strncmp(words[1], "shared", 6);
    if (is_shared && !GetEnvironmentVariableA(HAS_CONSOLE, NULL, 0)) start_with_console();
    output = GetStdHandle(STD_OUTPUT_HANDLE);
    startup = streams(words[2]);
    if (!CreateProcessW(NULL, command_line(words[3]), NULL, NULL, TRUE, creation_flags(words[1]), NULL, NULL, &startup,
                        &child))
        fail("CreateProcess");
    if (startup.hStdOutput) CloseHandle(startup.hStdOutput);
    if (from_child) reader = CreateThread(NULL, 0, pass_on, NULL, 0, NULL);
    CreateThread(NULL, 0, read_events, strstr(words[1], "+group"), 0, NULL);
    WaitForSingleObject(child.hProcess, INFINITE);
    if (reader) WaitForSingleObject(reader, 5000);
    GetExitCodeProcess(child.hProcess, &exit_code);
    printf("exit code %lu\n", exit_code);
    fflush(stdout);
    ExitProcess(0); /* whatever still waits for events */
}
