/**
 * How many messages may be without an acknowledgement at a time. A broker of MQTT 5 says it (Receive Maximum, 3.2.2.3.3),
 * and ends the connection over one more; MQTT.js does not look at it.
 */
export type SendQuota = {
  /** undefined: there is room; else resolves when it is the turn of whoever asks. Each that took gives back. */
  readonly take: () => Promise<void> | undefined
  readonly give: () => void
}

export const createSendQuota = (most: number): SendQuota => {
  let free = most
  const waiting: (() => void)[] = []
  return {
    take: () => {
      if (free === 0) return new Promise<void>((resolve) => waiting.push(resolve))
      free -= 1
      return undefined
    },
    give: () => {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    },
  }
}
