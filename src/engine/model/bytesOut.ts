// Counts the bytes that this process sends to other machines, for the "0 bytes out" that users see. It opens no sockets.
import type { Socket } from "node:net";

let sent = 0;

/** Bytes sent to addresses other than this machine since the process started. */
export function bytesOut(): number {
  return sent;
}

/** Counts what `socket` sends from now until it closes. Every socket that the engine opens must pass through here. */
export function countSocket(socket: Socket): void {
  let counted = 0;
  // The handle knows its count only while it is open, so it is looked at whenever something happened.
  const look = (): void => {
    const written = socket.bytesWritten;
    if (written > counted && !isLoopback(socket.remoteAddress)) sent += written - counted;
    if (socket.remoteAddress !== undefined) counted = Math.max(counted, written);
  };
  socket.on("data", look);
  socket.on("drain", look);
  socket.once("end", look);
  socket.once("close", look);
}

/** Whether an address, or the host of a URL, is this machine. */
export function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const bare = address.replace(/^\[|\]$/g, "").replace(/^::ffff:/, "");
  return bare === "localhost" || bare === "::1" || /^127(\.\d{1,3}){3}$/.test(bare);
}
