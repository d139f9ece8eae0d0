//! A picture is compared as a whole with one that a person looked at, and its rules one by one.

use super::scale::{Ruler, number};
use super::*;

fn line(name: &str, shape: Shape, colour: Colour, values: &[f64]) -> Series {
    let points = values.iter().zip(0_u32..).map(|(value, index)| (f64::from(index) * 0.5, *value)).collect();
    Series { name: name.to_owned(), colour, shape, points }
}

fn chart(series: Vec<Series>) -> Chart {
    let (x, y) = (Axis::linear("time", "s"), Axis::linear("answers", "/s"));
    Chart { title: "Answers over time".to_owned(), x, y, series, marks: Vec::new() }
}

/// The places in the paths of one class, piece by piece.
fn paths(svg: &str, class: &str) -> Vec<Vec<(f64, f64)>> {
    let start = format!("<path class=\"{class}\" d=\"");
    let paths = svg.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next());
    let pieces = paths.flat_map(|path| path.split('M').skip(1));
    let place = |place: &str| {
        let (x, y) = place.trim_end_matches('z').split_once(' ').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    pieces.map(|piece| piece.split('L').map(place).collect()).collect()
}

#[test]
fn it_looks_as_it_did_when_somebody_looked() {
    let mut chart = chart(vec![
        line("order", Shape::Stacked, Colour::Green, &[0.0, 2_400.0, 1_100.0, 0.0, 0.0, 0.0]),
        line("busy", Shape::Stacked, Colour::Amber, &[0.0, 900.0, 700.0, 0.0, 0.0, 0.0]),
        line("sold-out", Shape::Stacked, Colour::Grey, &[0.0, 0.0, 5_100.0, 8_600.0, 8_200.0, 300.0]),
        line("median of ten runs", Shape::Line, Colour::Blue, &[100.0, 3_000.0, f64::NAN, 8_000.0, f64::NAN, 600.0]),
        line("what was hoped for", Shape::Area, Colour::Violet, &[500.0, 1_000.0, 1_500.0, 2_000.0, 2_500.0, 3_000.0]),
        line("connections", Shape::Steps, Colour::Red, &[512.0, 512.0, 4_000.0, 4_000.0, 512.0, 512.0]),
    ]);
    chart.marks.push(Mark { at: 1.2, label: "sold out".to_owned() });
    chart.marks.push(Mark { at: 2.4, label: "everybody knows".to_owned() });
    insta::assert_binary_snapshot!("wide.svg", chart.svg().into_bytes());
    insta::assert_binary_snapshot!("narrow.svg", chart.svg_of(Size::NARROW).into_bytes());
}

#[test]
fn a_stacked_series_stands_on_the_one_before_it() {
    let below = line("below", Shape::Stacked, Colour::Green, &[1.0, 2.0, 3.0]);
    let above = line("above", Shape::Stacked, Colour::Grey, &[4.0, 4.0, 4.0]);
    let svg = chart(vec![below, above]).svg();
    let areas = paths(&svg, "fill");
    let (below, above) = (&areas[0], &areas[1]);
    let (top_of_below, mut floor_of_above) = (below[..3].to_vec(), above[3..].to_vec());
    floor_of_above.reverse();
    assert_eq!(top_of_below, floor_of_above);
    assert!(above.iter().zip(below).take(3).all(|((_, above), (_, below))| above < below), "{areas:?}");
}

#[test]
fn steps_stay_until_the_next_point() {
    let places = paths(&chart(vec![line("stock", Shape::Steps, Colour::Blue, &[9.0, 4.0])]).svg(), "line").concat();
    let [(_, first), (turn, before), (last, _)] = places[..] else { unreachable!("{places:?}") };
    assert!((first - before).abs() < 0.01 && (turn - last).abs() < 0.01, "{places:?}");
}

#[test]
fn what_is_no_number_leaves_a_gap_and_a_point_alone_is_a_dot() {
    let values = [1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 2.0, 2.0];
    let svg = chart(vec![line("p99", Shape::Line, Colour::Red, &values)]).svg();
    assert_eq!(paths(&svg, "line").iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 2]);
    assert_eq!(svg.matches("<circle").count(), 5, "each point was measured");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    let tinted = chart(vec![line("p99", Shape::Area, Colour::Red, &values)]).svg();
    assert_eq!(tinted.matches("<circle").count(), 1, "only the one that stands alone");
    assert_eq!(paths(&tinted, "tint").iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 4]);
    let stacked = chart(vec![line("unseen", Shape::Stacked, Colour::Red, &values)]).svg();
    assert_eq!(paths(&stacked, "fill").iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 4], "unseen is not nothing");
}

#[test]
fn nothing_at_all_is_a_picture_too() {
    for series in [vec![], vec![line("none", Shape::Line, Colour::Blue, &[])]] {
        let svg = chart(series).svg();
        assert!(svg.contains("Answers over time") && !svg.contains("NaN"), "{svg}");
    }
}

#[test]
fn a_long_title_goes_on_in_the_next_line() {
    let rows =
        |room| wrapped("How long it took until everybody knew", room).into_iter().map(|(_, line)| line).collect();
    let (wide, narrow): (Vec<String>, Vec<String>) = (rows(700.0), rows(220.0));
    assert_eq!(wide, ["How long it took until everybody knew"]);
    assert_eq!(narrow, ["How long it took until", "everybody knew"]);
}

#[test]
fn a_name_is_never_markup() {
    let mut chart = chart(vec![line("a\"<script>&", Shape::Line, Colour::Blue, &[1.0])]);
    chart.title = "<b>bold</b>".to_owned();
    chart.marks.push(Mark { at: 0.0, label: "</svg>".to_owned() });
    let svg = chart.svg();
    assert!(!svg.contains("<script>") && !svg.contains("<b>") && svg.matches("</svg>").count() == 1, "{svg}");
    assert!(svg.contains("a&quot;&lt;script&gt;&amp;"), "{svg}");
}

#[test]
fn a_linear_axis_contains_zero_and_ends_where_a_number_stands() {
    let labels = |values: &[f64]| {
        let ruler = Ruler::around(Scale::Linear, values.iter().copied(), 5.0).rounded();
        ruler.ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
    };
    assert_eq!(labels(&[3.0, 9_400.0]), ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]);
    assert_eq!(labels(&[-3.0, 4.0]), ["-4", "-2", "0", "2", "4"]);
    assert_eq!(labels(&[0.3]), ["0", "0.1", "0.2", "0.3"]);
    assert_eq!(labels(&[0.0, 0.0]), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
}

#[test]
fn a_logarithmic_axis_goes_by_tens_and_has_no_place_for_nothing() {
    let ruler = Ruler::around(Scale::Logarithmic, [0.0, 0.4, 700.0].into_iter(), 5.0).rounded();
    let labels: Vec<_> = ruler.ticks.iter().map(|tick| tick.label.as_str()).collect();
    assert_eq!(labels, ["0.1", "1", "10", "100", "1,000"]);
    assert_eq!(ruler.share(0.0), None);
    assert!((ruler.share(10.0).unwrap() - 0.5).abs() < 1e-9);
}

#[test]
fn numbers_are_written_as_people_write_them() {
    let written = [0.0, 0.25, 999.0, 1_000.0, 12_345.5, -1_234_567.0, 0.000_1].map(number);
    assert_eq!(written, ["0", "0.25", "999", "1,000", "12,345.5", "-1,234,567", "0.0001"]);
}
