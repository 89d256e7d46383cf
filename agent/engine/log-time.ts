/** Moments of log lines as texts that sort as the moments do: RFC 3339 in UTC with nine digits of a second. Pure. */

/** @param ms epoch ms */
export const logTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '000000Z')

const wanted = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/

/** From RFC 3339 of any kind; undefined: it is none. Podman leaves zeros away and names the zone. */
export const toLogTime = (text: string): string | undefined => {
  if (wanted.test(text)) return text
  const [, seconds, fraction = '', zone] = /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? []
  const ms = seconds === undefined ? Number.NaN : Date.parse(`${seconds}${zone}`)
  if (Number.isNaN(ms)) return undefined
  return `${new Date(ms).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`
}

/** Seconds of the epoch with nine digits behind the point, as the Docker Engine API takes them. */
export const epochSecondsOf = (time: string): string => `${Math.floor(Date.parse(time) / 1000)}.${time.slice(20, 29)}`
