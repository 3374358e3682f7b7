// Reads `arping`: who answers for an address, each MAC once.
export function readArping(output: string): readonly string[] {
  if (!/^ARPING /m.test(output)) throw new Error(`expected what arping prints, and got ${JSON.stringify(output.slice(0, 80))}`)
  return [...new Set([...output.matchAll(/^\w+ reply from [\d.]+ \[([0-9A-F]{2}(?::[0-9A-F]{2}){5})\]/gim)].map(([, mac = '']) => mac.toLowerCase()))]
}
