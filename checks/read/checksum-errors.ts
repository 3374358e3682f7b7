// Reads `nstat -asz IpExtInCsumErrors TcpInCsumErrors`.

export interface ChecksumErrors {
  readonly ip: number
  readonly tcp: number
}

export function readErrors(text: string): ChecksumErrors {
  const count = (name: string): number => {
    const value = new RegExp(`^${name}\\s+(\\d{1,15})\\s`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`expected a line with ${name}`)
    return Number(value)
  }
  return { ip: count('IpExtInCsumErrors'), tcp: count('TcpInCsumErrors') }
}
