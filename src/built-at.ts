/** No machine that runs Longshore is older, epoch ms: it is the year before the first version. */
export const firstDayMs = Date.UTC(2025, 0, 1)

/** Epoch ms when this was built, put in by the build; where it runs from its sources, the first day. No clock that is set says less. */
export const builtAt = Number(process.env.LONGSHORE_BUILT_AT ?? firstDayMs)
