//! Where a value lies on an axis, and which values are written beside it.

use super::Scale;

/// Most ticks of an axis, whatever it is given.
const TICKS_MAX: u32 = 24;

/// A value that is written beside an axis.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// An axis with its ends and its ticks.
#[derive(Debug)]
pub(super) struct Ruler {
    scale: Scale,
    pub(super) from: f64,
    pub(super) to: f64,
    step: f64,
    pub(super) ticks: Vec<Tick>,
}

impl Ruler {
    /// One that has room for all values, with about so many ticks.
    pub(super) fn around(scale: Scale, values: impl Iterator<Item = f64>, ticks: f64) -> Self {
        let values = values.filter(|value| value.is_finite() && (scale == Scale::Linear || *value > 0.0));
        let (least, most) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
        let mut ruler = match scale {
            Scale::Linear => {
                let (from, to) = (least.min(0.0), most.max(0.0));
                let to = if to > from { to } else { from + 1.0 };
                Self { scale, from, to, step: step((to - from) / ticks.max(2.0)), ticks: Vec::new() }
            }
            Scale::Logarithmic => {
                let (least, most) = if least <= most { (least, most) } else { (1.0, 10.0) };
                let from = 10_f64.powf(least.log10().floor());
                let to = 10_f64.powf(most.log10().ceil()).max(from * 10.0);
                Self { scale, from, to, step: 0.0, ticks: Vec::new() }
            }
        };
        ruler.ticks = ruler.measured();
        ruler
    }

    /// The same, which ends where ticks are.
    pub(super) fn rounded(mut self) -> Self {
        if self.scale == Scale::Linear {
            // What divides to a whole number does so up to the last bits.
            self.from = (self.from / self.step + 1e-9).floor() * self.step;
            self.to = (self.to / self.step - 1e-9).ceil() * self.step;
            self.ticks = self.measured();
        }
        self
    }

    /// Where a value lies, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Linear => (value - self.from) / (self.to - self.from),
            Scale::Logarithmic if value > 0.0 => (value / self.from).log10() / (self.to / self.from).log10(),
            Scale::Logarithmic => return None,
        };
        share.is_finite().then_some(share)
    }

    fn measured(&self) -> Vec<Tick> {
        let first = (self.from / self.step - 1e-9).ceil();
        let value = |index: u32| match self.scale {
            Scale::Linear => (first + f64::from(index)) * self.step,
            Scale::Logarithmic => self.from * 10_f64.powf(f64::from(index)),
        };
        let inside = |value: &f64| *value <= self.to * (1.0 + 1e-9);
        // Minus nothing is nothing.
        (0..TICKS_MAX).map(value).take_while(inside).map(|v| Tick { value: v, label: number(v + 0.0) }).collect()
    }
}

/// The next larger length among 1, 2 and 5 and their multiples by ten.
fn step(least: f64) -> f64 {
    let ten = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|times| times * ten).find(|step| *step >= least * 0.999_999).unwrap_or(ten * 10.0)
}

/// A value as a person writes it: `12,500`, `0.25`; with three decimals at most, or six where it is less than those can tell.
pub(super) fn number(value: f64) -> String {
    let text = if value.abs() < 0.001 { format!("{value:.6}") } else { format!("{value:.3}") };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    grouped(text)
}

/// A decimal number with the digits before its point by threes: `-12,500.5`.
pub(crate) fn grouped(number: &str) -> String {
    let (whole, decimals) = number.find('.').map_or((number, ""), |point| number.split_at(point));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + decimals
}
