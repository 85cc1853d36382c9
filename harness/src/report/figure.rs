//! What every drawing shares: frame, names for those who don't see it, marks.
//!
//! A drawing uses no colour by itself: classes in `figure.css` do, and shape
//! or place says the same.
//!
//! Refuses to do: know what is drawn.

use maud::{Markup, PreEscaped, html};

use super::scale::px;

/// The rules that a drawing needs, in the page and in a file of its own.
pub(super) const STYLE: &str = include_str!("figure.css");

/// A drawing, before it is known where it will stand.
#[derive(Debug)]
pub(super) struct Figure {
    /// Letters and hyphens; unique in a page, and the name of a file.
    pub(super) id: String,
    /// What it shows, in a few words.
    pub(super) title: String,
    /// How it shows that, and what is to be seen.
    pub(super) description: String,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) body: Markup,
}

impl Figure {
    /// As a part of the page, in a box of its own that scrolls: below
    /// `least` CSS pixels its text could not be read.
    pub(super) fn inline(&self, least: u32) -> Markup {
        let style = format!("min-width:{least}px");
        let (title, desc) = (self.part("title"), self.part("desc"));
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.title) {
                svg viewBox=(self.view_box()) role="img" style=(style)
                    aria-labelledby=(format!("{title} {desc}")) {
                    title id=(title) { (self.title) }
                    desc id=(desc) { (self.description) }
                    (self.body)
                }
            }
        }
    }

    /// As a file of its own.
    pub(super) fn file(&self) -> String {
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg"
                viewBox=(self.view_box()) width=(px(self.width))
                height=(px(self.height)) role="img" {
                title { (self.title) }
                desc { (self.description) }
                style { (PreEscaped(STYLE)) }
                rect.paper width="100%" height="100%" {}
                (self.body)
            }
        };
        svg.into_string() + "\n"
    }

    fn part(&self, name: &str) -> String {
        format!("{}-{name}", self.id)
    }

    fn view_box(&self) -> String {
        format!("0 0 {} {}", px(self.width), px(self.height))
    }
}

/// How a figure is marked; each has a shape of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Disc,
    Square,
    Triangle,
    Diamond,
    /// A disc that is not filled.
    Ring,
}

/// A mark around a place.
pub(super) fn mark(mark: Mark, x: f64, y: f64, class: &str) -> Markup {
    let (left, right) = (px(x - 5.0), px(x + 5.0));
    let path = match mark {
        Mark::Disc | Mark::Ring => {
            return html! {
                circle class=(class) cx=(px(x)) cy=(px(y)) r="4.5" {}
            };
        }
        Mark::Square => {
            let (top, bottom) = (px(y - 4.0), px(y + 4.0));
            let (left, right) = (px(x - 4.0), px(x + 4.0));
            format!("M{left} {top}H{right}V{bottom}H{left}Z")
        }
        Mark::Triangle => {
            let (top, bottom) = (px(y - 5.0), px(y + 4.0));
            format!("M{} {top}L{right} {bottom}H{left}Z", px(x))
        }
        Mark::Diamond => {
            let (top, bottom) = (px(y - 5.5), px(y + 5.5));
            let (x, y) = (px(x), px(y));
            format!("M{x} {top}L{right} {y}L{x} {bottom}L{left} {y}Z")
        }
    };
    html! { path class=(class) d=(path) {} }
}

/// Text at a place; `class` says how it is aligned.
pub(super) fn text(x: f64, y: f64, class: &str, words: &str) -> Markup {
    html! { text x=(px(x)) y=(px(y)) class=(class) { (words) } }
}

/// A straight line.
pub(super) fn line(from: (f64, f64), to: (f64, f64), class: &str) -> Markup {
    html! {
        line class=(class) x1=(px(from.0)) y1=(px(from.1))
            x2=(px(to.0)) y2=(px(to.1)) {}
    }
}
