/** Whether what is sent to this address stays unread on the way: https, or plain http on the machine itself. */
export function isSafeAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === "https:" || (protocol === "http:" && isLocal(hostname));
}

/** Whether a host name, as URL gives it, is the machine itself. */
export function isLocal(hostname: string): boolean {
  return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
}
