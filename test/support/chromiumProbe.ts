// The one socket of a test run that is let pass: a browser's question whether this machine has IPv6.
import type { OpenSocket } from "../../src/engine/base/systemSockets.ts";

/**
 * Where Chromium's network service connects a UDP socket to learn whether this machine has a route for IPv6
 * (`kIPv6ProbeAddress` in its `host_resolver_manager.cc`). Connecting a UDP socket sends nothing, and Chromium closes it at once.
 */
const CHROMIUM_IPV6_PROBE = "[2001:4860:4860:0:0:0:0:8888]:443";

export function isChromiumProbe(socket: Pick<OpenSocket, "protocol" | "remote" | "process">): boolean {
  return socket.protocol === "udp6" && socket.remote === CHROMIUM_IPV6_PROBE && socket.process.includes("--utility-sub-type=network.mojom.NetworkService");
}
