export function createFlow() {}
