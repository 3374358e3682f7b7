// Reads what pods of `web` say: `NAME sees ADDRESS`, a line each.

export interface Who {
  readonly by: string
  readonly peer: string
}

export function readWho(text: string): readonly Who[] {
  return text.split('\n').flatMap(line => {
    const [, by = '', peer = ''] = /^(\S+) sees (?:::ffff:|\[::ffff:)?(\d+\.\d+\.\d+\.\d+)\]?(?::\d+)?$/.exec(line) ?? []
    return by === '' ? [] : [{ by, peer }]
  })
}
