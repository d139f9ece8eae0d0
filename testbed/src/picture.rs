//! Charts as SVG: lines, steps, areas and stacks over one axis, for a report or for a page of the documentation.
//!
//! **What it is for.** A number that moves is read from a picture faster than from a table. Whoever measures something says
//! what the axes are and gives the points; how it looks is decided here, once.
//!
//! **What must always hold.** The text is a function of the chart: the same chart is the same picture, to the byte. No
//! name is ever markup. It loads nothing, runs nothing, and reads in the dark as well as in the light, also as an image of a
//! page that knows nothing of either: it brings its own ground. What is drawn is told in words too.
//!
//! **What it costs.** A few bytes per point.
//!
//! Deliberately absent: whatever moves, a third axis, bars and pies, and the measuring of text: the widths of letters are
//! guessed, generously, because whose font will be used is not known here.

mod plot;
mod scale;
#[cfg(test)]
mod tests;

use maud::{PreEscaped, html};

use plot::{Drawn, Plot, near};
pub(crate) use scale::grouped;
use scale::{Ruler, number};

/// Colours and fonts, in the light and in the dark.
const STYLE: &str = include_str!("picture/style.css");
/// Height of a line of small text.
const LINE: f64 = 18.0;
/// Height of a line of the title.
const TITLE_LINE: f64 = 20.0;
/// How much wider than small text the title is.
const TITLE_STRETCH: f64 = 1.3;
/// Room on the right, where half a label of the axis below may stand.
const MARGIN: f64 = 18.0;
/// Rows in which the words beside marks stand, so that neighbours do not cover each other.
const MARK_ROWS: usize = 3;

/// A chart of some series over the same axes.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What is shown.
    pub title: String,
    /// What lies below.
    pub x: Axis,
    /// What lies at the left.
    pub y: Axis,
    /// What is drawn, the first at the back; stacked ones from the bottom up.
    pub series: Vec<Series>,
    /// Moments, or other places of the axis below, that deserve a word.
    pub marks: Vec<Mark>,
}

/// What one direction means.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What is counted or measured.
    pub name: String,
    /// In what: `s`, `ms`, `/s`, `units`.
    pub unit: String,
    /// How values become places.
    pub scale: Scale,
}

/// How values become places on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally long. The axis contains zero.
    Linear,
    /// Equal ratios are equally long. What is not above zero has no place and leaves a gap.
    Logarithmic,
}

/// Some values in their order along the axis below.
#[derive(Debug, Clone)]
pub struct Series {
    /// What it is called in the legend.
    pub name: String,
    /// What stands for it.
    pub colour: Colour,
    /// How it is drawn.
    pub shape: Shape,
    /// Where, and how much. A value that is no number leaves a gap.
    pub points: Vec<(f64, f64)>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Straight from point to point.
    Line,
    /// As before until the next point: something that is known only when it is looked at.
    Steps,
    /// A line, and what is below it tinted.
    Area,
    /// On top of the stacked series before it, which have their points at the same places.
    Stacked,
    /// The same, as before until the next point.
    StackedSteps,
}

/// What a series looks like; each is told from the others in the light and in the dark, and by most eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "a colour is its name")]
pub enum Colour {
    Blue,
    Green,
    Amber,
    Red,
    Violet,
    Teal,
    Rose,
    Grey,
}

/// A place on the axis below that deserves a word.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Where.
    pub at: f64,
    /// The word, or a few.
    pub label: String,
}

/// How large the drawing is meant to be shown; the height follows from what has to be written around it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Of the whole picture.
    pub width: f64,
    /// Of what lies between the axes.
    pub plot_height: f64,
}

impl Size {
    /// For a page on a screen.
    pub const WIDE: Self = Self { width: 760.0, plot_height: 240.0 };
    /// For a telephone: what is written stays as large.
    pub const NARROW: Self = Self { width: 320.0, plot_height: 200.0 };
}

impl Axis {
    /// One on which equal differences are equally long.
    #[must_use]
    pub fn linear(name: &str, unit: &str) -> Self {
        Self { name: name.to_owned(), unit: unit.to_owned(), scale: Scale::Linear }
    }

    /// One on which equal ratios are equally long.
    #[must_use]
    pub fn logarithmic(name: &str, unit: &str) -> Self {
        Self { scale: Scale::Logarithmic, ..Self::linear(name, unit) }
    }

    fn caption(&self) -> String {
        if self.unit.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.unit) }
    }
}

impl Colour {
    fn class(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::Red => "red",
            Self::Violet => "violet",
            Self::Teal => "teal",
            Self::Rose => "rose",
            Self::Grey => "grey",
        }
    }
}

impl Shape {
    fn is_stacked(self) -> bool {
        matches!(self, Self::Stacked | Self::StackedSteps)
    }

    fn is_stepped(self) -> bool {
        matches!(self, Self::Steps | Self::StackedSteps)
    }
}

impl Chart {
    /// The picture, for a page on a screen.
    #[must_use]
    pub fn svg(&self) -> String {
        self.svg_of(Size::WIDE)
    }

    /// The picture in another size.
    #[must_use]
    pub fn svg_of(&self, size: Size) -> String {
        let drawn = self.stacked();
        let values = drawn.iter().flat_map(|one| one.points.iter().map(|(_, y)| *y).chain(one.floor.iter().copied()));
        let places = drawn.iter().flat_map(|one| one.points.iter().map(|(x, _)| *x));
        let y = Ruler::around(self.y.scale, values, size.plot_height / 44.0).rounded();
        let x = Ruler::around(self.x.scale, places.chain(self.marks.iter().map(|mark| mark.at)), size.width / 76.0);
        let legend = self.legend(size.width);
        let title = wrapped(&self.title, size.width - 16.0 - MARGIN);
        let head = title.last().map_or(0.0, |(row, _)| row * TITLE_LINE);
        let rows = legend.last().map_or(0.0, |(_, row, _)| row + 1.0);
        let caption = 34.0 + head + rows * LINE + 14.0;
        let mark_rows = self.marks.len().min(MARK_ROWS);
        let top = caption + 14.0 + (0..mark_rows).map(|_| LINE - 3.0).sum::<f64>();
        let longest = y.ticks.iter().map(|tick| width(&tick.label)).fold(0.0, f64::max);
        let plot = Plot { left: 22.0 + longest, right: size.width - MARGIN, top, bottom: top + size.plot_height, x, y };
        let height = plot.bottom + 46.0;
        let picture = html! {
            svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" aria-label=(self.in_words(&plot))
                viewBox={ "0 0 " (size.width) " " (near(height)) } width=(size.width) height=(near(height)) {
                style { (PreEscaped(STYLE)) }
                rect class="ground" width=(size.width) height=(near(height)) rx="10" {}
                @for (row, words) in &title {
                    text class="title" x="16" y=(near(26.0 + row * TITLE_LINE)) { (words) }
                }
                @for (left, row, series) in &legend {
                    g class=(series.colour.class()) {
                        rect class="key" x=(near(*left)) y=(near(36.0 + head + row * LINE)) width="11" height="11" rx="3" {}
                        text x=(near(left + 17.0)) y=(near(46.0 + head + row * LINE)) { (series.name) }
                    }
                }
                text class="quiet" x="16" y=(near(caption)) { (self.y.caption()) }
                text class="quiet end" x=(near(plot.right)) y=(near(height - 10.0)) { (self.x.caption()) }
                (plot.grid())
                @for one in &drawn { (plot.draw(one)) }
                @for (row, mark) in self.marks.iter().enumerate() { (plot.mark(mark, row, caption)) }
            }
        };
        picture.into_string()
    }

    /// Every series with the floor that it stands on: the stacked ones before it.
    fn stacked(&self) -> Vec<Drawn<'_>> {
        let mut heap: Vec<f64> = Vec::new();
        let mut drawn = Vec::with_capacity(self.series.len());
        for series in &self.series {
            if !series.shape.is_stacked() {
                drawn.push(Drawn { series, floor: Vec::new(), points: series.points.clone() });
                continue;
            }
            heap.resize(heap.len().max(series.points.len()), 0.0);
            let floor: Vec<f64> = heap.iter().copied().take(series.points.len()).collect();
            for (sum, (_, value)) in heap.iter_mut().zip(&series.points) {
                *sum += if value.is_finite() { *value } else { 0.0 };
            }
            let top = |((x, value), sum): (&(f64, f64), &f64)| (*x, if value.is_finite() { *sum } else { *value });
            let points = series.points.iter().zip(&heap).map(top).collect();
            drawn.push(Drawn { series, floor, points });
        }
        drawn
    }

    /// Where each entry of the legend stands: from the left, and in which row.
    fn legend(&self, full: f64) -> Vec<(f64, f64, &Series)> {
        let (mut left, mut row) = (16.0, 0.0);
        let mut placed = Vec::with_capacity(self.series.len());
        for series in &self.series {
            let wide = 17.0 + width(&series.name);
            if left > 16.0 && left + wide > full - MARGIN {
                (left, row) = (16.0, row + 1.0);
            }
            placed.push((left, row, series));
            left += wide + 16.0;
        }
        placed
    }

    fn in_words(&self, plot: &Plot) -> String {
        let names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        let ends = |ruler: &Ruler| format!("from {} to {}", number(ruler.from), number(ruler.to));
        let (x, y) = (self.x.caption(), self.y.caption());
        let mut words = format!("{}: {y} {} over {x} {}", self.title, ends(&plot.y), ends(&plot.x));
        words.extend((!names.is_empty()).then(|| format!("; {}", names.join(", "))));
        words.extend(self.marks.iter().map(|mark| format!("; {} at {}", mark.label, number(mark.at))));
        words
    }
}

/// The title in lines that fit, by their row.
fn wrapped(title: &str, room: f64) -> Vec<(f64, String)> {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for word in title.split_whitespace() {
        match lines.last_mut() {
            Some((_, line)) if width(&format!("{line} {word}")) * TITLE_STRETCH <= room => {
                line.extend([" ", word]);
            }
            last => {
                let row = last.map_or(0.0, |(row, _)| *row + 1.0);
                lines.push((row, word.to_owned()));
            }
        }
    }
    lines
}

/// How wide small text is, about.
fn width(text: &str) -> f64 {
    let letter = |letter| match letter {
        'f' | 'i' | 'j' | 'l' | 'r' | 't' | ' ' | '.' | ',' | '-' | '(' | ')' | '/' => 4.6,
        'm' | 'w' | 'M' | 'W' => 11.0,
        _ => 7.4,
    };
    text.chars().map(letter).sum()
}
