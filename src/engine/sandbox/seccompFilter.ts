// A seccomp filter (classic BPF, as seccomp(2) takes it) that denies system calls which generated code has no use for and
// kernels had holes in. It is a second wall behind the namespaces, and decides nothing about files or the network.

/** Denied calls and their numbers on x86-64 and on arm64 (Linux: arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h). */
const DENIED: Readonly<Record<string, readonly [number, number]>> = {
  ptrace: [101, 117], process_vm_readv: [310, 270], process_vm_writev: [311, 271],
  mount: [165, 40], umount2: [166, 39], pivot_root: [155, 41], chroot: [161, 51],
  open_tree: [428, 428], move_mount: [429, 429], fsopen: [430, 430], fsconfig: [431, 431], fsmount: [432, 432], mount_setattr: [442, 442],
  unshare: [272, 97], setns: [308, 268],
  add_key: [248, 217], request_key: [249, 218], keyctl: [250, 219],
  bpf: [321, 280], perf_event_open: [298, 241], userfaultfd: [323, 282],
  io_uring_setup: [425, 425], io_uring_enter: [426, 426], io_uring_register: [427, 427],
  init_module: [175, 105], finit_module: [313, 273], delete_module: [176, 106], kexec_load: [246, 104],
  // Memory that no process shows as its own.
  memfd_create: [319, 279], memfd_secret: [447, 447],
};
const CLONE: readonly [number, number] = [56, 220];
const CLONE3 = 435;
const CLONE_NEWUSER = 0x10000000;

const ARCHITECTURES: Partial<Record<NodeJS.Architecture, { audit: number; column: 0 | 1 }>> = {
  x64: { audit: 0xc000003e, column: 0 },
  arm64: { audit: 0xc00000b7, column: 1 },
};

const LOAD = 0x20, JUMP_EQUAL = 0x15, JUMP_AT_LEAST = 0x35, JUMP_ANY_BIT = 0x45, RETURN = 0x06;
const ALLOW = 0x7fff0000, KILL_PROCESS = 0x80000000, EPERM = 0x00050001, ENOSYS = 0x00050026;
/** Offsets in struct seccomp_data. */
const NUMBER = 0, ARCHITECTURE = 4, FIRST_ARGUMENT = 16;
/** Calls of the x32 ABI come with this bit and would pass by their other numbers. */
const X32_BIT = 0x40000000;

/** The filter for `architecture`, as an array of 8-byte `sock_filter`; undefined where it is not known here. */
export function seccompFilter(architecture: NodeJS.Architecture): Buffer | undefined {
  const known = ARCHITECTURES[architecture];
  if (known === undefined) return undefined;
  const { audit, column } = known;
  const program: [code: number, yes: number, no: number, value: number][] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, audit],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, NUMBER],
  ];
  if (column === 0) program.push([JUMP_AT_LEAST, 0, 1, X32_BIT], [RETURN, 0, 0, EPERM]);
  for (const numbers of Object.values(DENIED)) program.push([JUMP_EQUAL, 0, 1, numbers[column]], [RETURN, 0, 0, EPERM]);
  // The flags of clone3 lie in memory, which a filter cannot read: libc falls back to clone on ENOSYS.
  program.push([JUMP_EQUAL, 0, 1, CLONE3], [RETURN, 0, 0, ENOSYS]);
  program.push([JUMP_EQUAL, 0, 3, CLONE[column]], [LOAD, 0, 0, FIRST_ARGUMENT], [JUMP_ANY_BIT, 0, 1, CLONE_NEWUSER], [RETURN, 0, 0, EPERM]);
  program.push([RETURN, 0, 0, ALLOW]);

  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, yes, no, value], at) => {
    bytes.writeUInt16LE(code, at * 8);
    bytes.writeUInt8(yes, at * 8 + 2);
    bytes.writeUInt8(no, at * 8 + 3);
    bytes.writeUInt32LE(value, at * 8 + 4);
  });
  return bytes;
}
