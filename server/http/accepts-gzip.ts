/**
 * True if an `Accept-Encoding` asks for gzip rather than for the plain bytes. What it does not name has no say, and
 * `gzip;q=0` refuses it (RFC 9110, 12.5.3). Without the header the answer stays plain: who does not ask may not unpack.
 */
export function acceptsGzip(header: string | undefined): boolean {
  const qualities = new Map((header ?? '').split(',').map(qualityOf))
  const gzip = qualities.get('gzip') ?? qualities.get('x-gzip') ?? qualities.get('*') ?? 0
  return gzip > 0 && gzip >= (qualities.get('identity') ?? 0)
}

function qualityOf(coding: string): [name: string, quality: number] {
  const [name = '', ...parameters] = coding.split(';')
  const given = parameters.map(parameter => /^q=([\d.]+)$/i.exec(parameter.trim())?.[1]).find(Boolean)
  return [name.trim().toLowerCase(), given === undefined ? 1 : Number(given)]
}
