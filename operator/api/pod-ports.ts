/** Ports that every pod has beside its passive ones: the listeners from 2121 on, and the probes. */
export const podPorts = { firstListener: 2121, lastListener: 2136, probes: 8080 } as const
