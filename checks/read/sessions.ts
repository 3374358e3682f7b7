// Reads `ss -Htn`: one line a connection, `0 0 192.168.1.11:58422 192.168.1.12:179`.
export interface Session {
  readonly local: string
  readonly localPort: number
  readonly peer: string
  readonly peerPort: number
}

export function readSessions(output: string): readonly Session[] {
  return output.split('\n').filter(line => line.trim() !== '').map(line => {
    const [, local, localPort, peer, peerPort] = /^(?:[A-Z-]+ +)?\d+ +\d+ +(\d+(?:\.\d+){3})(?:%[\w.@-]+)?:(\d{1,5}) +(\d+(?:\.\d+){3}):(\d{1,5})\s*$/.exec(line) ?? []
    if (local === undefined || peer === undefined) throw new Error(`expected a connection, and got ${JSON.stringify(line.slice(0, 80))}`)
    return { local, localPort: Number(localPort), peer, peerPort: Number(peerPort) }
  })
}
