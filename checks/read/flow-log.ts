// Reads what the tool `flows` writes of each first packet of a connection:
// `12:00:01 10.244.1.2:40000 (10) -> 10.244.1.4:8080 (20) FORWARDED`.

export interface Flow {
  readonly from: string
  readonly fromPort: number
  readonly fromIdentity: number
  readonly to: string
  readonly toPort: number
  readonly toIdentity: number
  readonly verdict: string
}

const LINE = /^\S+ ([\d.]{7,15}):(\d{1,5}) \((\d{1,10})\) -> ([\d.]{7,15}):(\d{1,5}) \((\d{1,10})\) ([A-Z]+)$/

export function readFlowLog(text: string): readonly Flow[] {
  return text.split('\n').flatMap(line => {
    const [, from, fromPort, fromIdentity, to, toPort, toIdentity, verdict] = LINE.exec(line) ?? []
    if (from === undefined || to === undefined || verdict === undefined) return []
    return [{ from, fromPort: Number(fromPort), fromIdentity: Number(fromIdentity), to, toPort: Number(toPort), toIdentity: Number(toIdentity), verdict }]
  })
}
