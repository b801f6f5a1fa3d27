export enum Shape { Rectangle, Triangle }
export interface Sized { w: number; h: number }
export const area = ({ w, h }: Sized, shape: Shape): number => (shape === Shape.Triangle ? (w * h) / 2 : w * h);
