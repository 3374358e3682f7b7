// Reads what `curl -w '%{url} %{http_code} %{errormsg}\n'` says of several addresses, in whatever order they came.

export interface HttpCode {
  readonly url: string
  /** Undefined: there was no answer. */
  readonly code: number | undefined
  /** What curl says of it, where it says something. */
  readonly error: string
}

export function readHttpCodes(text: string): readonly HttpCode[] {
  return text.split('\n').filter(Boolean).map(line => {
    const [, url = '', code = '', error = ''] = /^(https?:\/\/\S+) (\d{3})(?: (.*))?$/.exec(line) ?? []
    if (url === '') throw new Error(`expected an address and a status, and got ${JSON.stringify(line.slice(0, 80))}`)
    return { url, code: code === '000' ? undefined : Number(code), error }
  })
}
