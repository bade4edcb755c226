// The entry of the bundle.
export default { render(): void {} };
