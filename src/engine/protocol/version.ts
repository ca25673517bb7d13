// The handshake number of the wire protocol. Raised whenever a message changes in a way an older peer would misread.

/** Client and engine must agree on this number exactly; they ship together, so a difference means a stale process. */
export const PROTOCOL_VERSION = 2;
