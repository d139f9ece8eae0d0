//! What lies between the axes: the grid, the series and the marks, each where its values say.

use maud::{Markup, html};

use super::scale::Ruler;
use super::{LINE, MARGIN, MARK_ROWS, Mark, Series, Shape, width};

/// Most points of a line that get a dot each: more would be a thick line.
const DOTS_MAX: usize = 16;

/// A series with its points where they are drawn, and the floor below each.
pub(super) struct Drawn<'a> {
    pub(super) series: &'a Series,
    pub(super) floor: Vec<f64>,
    pub(super) points: Vec<(f64, f64)>,
}

/// The area between the axes.
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) x: Ruler,
    pub(super) y: Ruler,
}

impl Plot {
    /// Where a value lies; nowhere if it is no number, or a scale has no place for it.
    fn place(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let (x, y) = (self.x.share(x)?, self.y.share(y)?);
        Some((self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)))
    }

    pub(super) fn grid(&self) -> Markup {
        html! {
            @for (tick, (_, y)) in self.y.ticks.iter().filter_map(|t| Some((t, self.place((self.x.from, t.value))?))) {
                line class="grid" x1=(near(self.left)) x2=(near(self.right)) y1=(near(y)) y2=(near(y)) {}
                text class="quiet end" x=(near(self.left - 7.0)) y=(near(y + 4.0)) { (tick.label) }
            }
            line class="axis" x1=(near(self.left)) x2=(near(self.right)) y1=(near(self.bottom)) y2=(near(self.bottom)) {}
            @for (tick, (x, _)) in self.x.ticks.iter().filter_map(|t| Some((t, self.place((t.value, self.y.from))?))) {
                line class="axis" x1=(near(x)) x2=(near(x)) y1=(near(self.bottom)) y2=(near(self.bottom + 4.0)) {}
                text class="quiet middle" x=(near(x)) y=(near(self.bottom + 18.0)) { (tick.label) }
            }
        }
    }

    pub(super) fn draw(&self, drawn: &Drawn<'_>) -> Markup {
        let Series { name, colour, shape, .. } = drawn.series;
        let line = self.path(drawn.points.iter().copied(), shape.is_stepped());
        let floor = drawn.points.iter().enumerate().map(|(index, (x, y))| {
            // A gap in the line is a gap in the floor too.
            (*x, if y.is_finite() { drawn.floor.get(index).copied().unwrap_or(self.y.from) } else { *y })
        });
        // A point between two gaps is no line; and where points are few, each was measured.
        let few = *shape == Shape::Line && drawn.points.len() <= DOTS_MAX;
        let dots = line.iter().filter(|piece| few || (piece.len() == 1 && !shape.is_stacked())).flatten().copied();
        let area = match shape {
            Shape::Line | Shape::Steps => None,
            Shape::Area => Some(("tint", self.between(&line, floor, false))),
            Shape::Stacked | Shape::StackedSteps => Some(("fill", self.between(&line, floor, shape.is_stepped()))),
        };
        html! {
            g class=(colour.class()) {
                title { (name) }
                @if let Some((class, area)) = area { path class=(class) d=(area) {} }
                @if !shape.is_stacked() { path class="line" d=(written(&line)) {} }
                @for (x, y) in dots { circle class="fill" cx=(near(x)) cy=(near(y)) r="3" {} }
            }
        }
    }

    /// The places of some points, in pieces without gaps.
    fn path(&self, points: impl Iterator<Item = (f64, f64)>, stepped: bool) -> Vec<Vec<(f64, f64)>> {
        let mut pieces: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
        for point in points {
            match (self.place(point), pieces.last_mut()) {
                (Some((x, y)), Some(piece)) => {
                    if let (true, Some((_, before))) = (stepped, piece.last()) {
                        piece.push((x, *before));
                    }
                    piece.push((x, y));
                }
                _ => pieces.push(Vec::new()),
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    /// What lies between a line and its floor.
    fn between(&self, line: &[Vec<(f64, f64)>], floor: impl Iterator<Item = (f64, f64)>, stepped: bool) -> String {
        let floor = self.path(floor, stepped);
        let around = line.iter().zip(floor).map(|(line, floor)| line.iter().copied().chain(floor.into_iter().rev()));
        let closed: Vec<Vec<(f64, f64)>> = around.map(Iterator::collect).collect();
        closed.iter().map(|piece| format!("{}z", written(std::slice::from_ref(piece)))).collect()
    }

    pub(super) fn mark(&self, mark: &Mark, row: usize, caption: f64) -> Markup {
        let Some((x, _)) = self.place((mark.at, self.y.to)) else { return Markup::default() };
        let y = caption + 14.0 + (0..row % MARK_ROWS).map(|_| LINE - 3.0).sum::<f64>();
        let fits = x + 5.0 + width(&mark.label) < self.right + MARGIN;
        let (class, label) = if fits { ("mark", x + 5.0) } else { ("mark end", x - 5.0) };
        html! {
            line class="mark" x1=(near(x)) x2=(near(x)) y1=(near(y - 10.0)) y2=(near(self.bottom)) {}
            text class=(class) x=(near(label)) y=(near(y)) { (mark.label) }
        }
    }
}

/// A path through the points of each piece.
fn written(pieces: &[Vec<(f64, f64)>]) -> String {
    let mut text = String::new();
    for piece in pieces {
        for (index, (x, y)) in piece.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            text.extend([letter.to_string(), near(*x), " ".to_owned(), near(*y)]);
        }
    }
    text
}

/// A place, to a tenth: finer is not seen.
pub(super) fn near(place: f64) -> String {
    let text = format!("{place:.1}");
    text.strip_suffix(".0").map(ToOwned::to_owned).unwrap_or(text)
}
