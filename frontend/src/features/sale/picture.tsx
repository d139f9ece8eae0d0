import { useId, useMemo, useState } from "react";
import type { Item } from "@/api/schema";
import { classes } from "@/ui/classes";
import { drawingOf } from "./drawing";

/**
 * What an item looks like; a drawing where nobody gave a picture, and in its place until it has come, or when it does not.
 * Its name stands beside it, so nothing is read out twice.
 */
export function Picture({ item, className }: { item: Pick<Item, "sku" | "imageUrl">; className?: string }) {
  const { sku, imageUrl } = item;
  const [failed, setFailed] = useState<string>();
  return (
    <div className={classes("relative overflow-hidden bg-sunken", className)}>
      <Drawn name={sku} />
      {imageUrl && failed !== imageUrl && (
        <img
          loading="lazy"
          src={imageUrl}
          alt=""
          decoding="async"
          referrerPolicy="no-referrer"
          onError={() => setFailed(imageUrl)}
          className="absolute inset-0 size-full object-cover"
        />
      )}
    </div>
  );
}

function Drawn({ name }: { name: string }) {
  const id = useId();
  const { hues, sun, hills } = useMemo(() => drawingOf(name), [name]);
  const [sky, ground] = hues;
  return (
    <svg
      viewBox="0 0 400 300"
      preserveAspectRatio="xMidYMid slice"
      aria-hidden
      className="absolute inset-0 size-full opacity-85"
    >
      <linearGradient id={id} x1="0" y1="0" x2="0" y2="1">
        <stop offset="0" stopColor={`hsl(${sky} 62% 78%)`} />
        <stop offset="1" stopColor={`hsl(${ground} 70% 90%)`} />
      </linearGradient>
      <rect width="400" height="300" fill={`url(#${id})`} />
      <circle cx={sun.x} cy={sun.y} r={sun.radius} fill={`hsl(${ground} 90% 96%)`} />
      {hills.map((outline, index) => (
        <path key={outline} d={outline} fill={`hsl(${sky} ${34 + index * 4}% ${66 - index * 13}%)`} />
      ))}
    </svg>
  );
}
