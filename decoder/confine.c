#include "confine.h"
#include "base/log.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "name this architecture as linux/audit.h does"
#endif

enum { CPU_SECONDS = 30, FILES = 64, CALLS_FORBIDDEN = 21, X32_CALLS = 0x40000000 };

static const rlim_t MEMORY = 2048UL << 20, FILE_SIZE = 256UL << 20;

static const int forbidden[] = {
    SYS_socket,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_sendto,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_mount,
    SYS_unshare,
    SYS_setns,
    SYS_keyctl,
    SYS_add_key,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
};
_Static_assert(sizeof forbidden / sizeof *forbidden == CALLS_FORBIDDEN, "as many as the filter has room for");

/* One comparison for each call; all of them lead to the last instruction but one. */
void confine(void)
{
    struct sock_filter filter[CALLS_FORBIDDEN + 7] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_CALLS, CALLS_FORBIDDEN + 1, 0),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

    for (int i = 0; i < CALLS_FORBIDDEN; i++)
        filter[5 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)forbidden[i],
                                                     (unsigned char)(CALLS_FORBIDDEN - i), 0);
    filter[5 + CALLS_FORBIDDEN] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    filter[6 + CALLS_FORBIDDEN] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        log_fatal("could not confine the decoder: %s", strerror(errno));
}

void confine_size(void)
{
#ifndef __SANITIZE_ADDRESS__ /* which takes addresses by the terabyte */
    setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY, MEMORY});
#endif
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){FILE_SIZE, FILE_SIZE});
    setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){FILES, FILES});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
}
