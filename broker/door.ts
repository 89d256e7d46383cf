/** Who may come in: how many connections there are in all and of each address, and how fast they come. Pure but for its counts. */

export type DoorLimits = {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  /** a second, over all; twice as many may come at once */
  readonly maxConnectRate: number
}

export type Admission =
  | { readonly ok: true }
  | { readonly ok: false; readonly limit: keyof DoorLimits; readonly message: string }

export const createDoor = (limits: DoorLimits) => {
  const perAddress = new Map<string, number>()
  let connections = 0
  let tokens = 2 * limits.maxConnectRate
  let filledAtMs = 0

  return {
    /** @param nowMs of a clock that never jumps */
    enter: (address: string, nowMs: number): Admission => {
      tokens = Math.min(2 * limits.maxConnectRate, tokens + ((nowMs - filledAtMs) / 1_000) * limits.maxConnectRate)
      filledAtMs = nowMs
      const ofAddress = perAddress.get(address) ?? 0
      if (connections >= limits.maxConnections) return refuse('maxConnections', `there are ${connections} already`)
      if (ofAddress >= limits.maxConnectionsPerAddress)
        return refuse('maxConnectionsPerAddress', `there are ${ofAddress} of this address already`)
      if (tokens < 1) return refuse('maxConnectRate', `more than ${limits.maxConnectRate} came within a second`)
      tokens -= 1
      connections += 1
      perAddress.set(address, ofAddress + 1)
      return { ok: true }
    },
    /** Once for each that was let in. */
    leave: (address: string): void => {
      connections -= 1
      const left = (perAddress.get(address) ?? 1) - 1
      if (left === 0) perAddress.delete(address)
      else perAddress.set(address, left)
    },
    connections: (): number => connections,
  }
}

const refuse = (limit: keyof DoorLimits, message: string): Admission => ({ ok: false, limit, message })
