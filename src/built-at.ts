/** Epoch ms when this was built, put in by the build; 0 where it runs from its sources. No clock that is set says less. */
export const builtAt = Number(process.env.LONGSHORE_BUILT_AT ?? 0)
