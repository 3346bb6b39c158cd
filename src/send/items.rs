//! What a list has, page by page.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::call::Call;
use super::response::Unreadable;
use crate::boxed::BoxFuture;
use crate::error::Error;

/// The items of a list, as a [`Stream`]. It asks for the next page when you ask for an item and the page is empty, so it
/// holds one page at the most. Nothing is sent until it is polled, and nothing more once it is dropped.
///
/// It ends after an error: what a list has after a page that can't be read isn't known.
///
/// ```no_run
/// # async fn example(canva: canva_connect::Client) -> Result<(), canva_connect::Error> {
/// let mut items = canva.list_folder_items("uploads").stream();
/// while let Some(item) = items.next().await {
///     println!("{:?}", item?);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until it is polled"]
pub struct Items<T> {
    /// The request for any page, without the token that leads there.
    request: Call<Page<T>>,
    /// The query parameter that takes the token.
    token: &'static str,
    /// What is left of the page.
    page: VecDeque<T>,
    /// The next page; none after the last one.
    next: Option<BoxFuture<'static, Result<Page<T>, Error>>>,
}

/// The items, and the token that leads to the next page.
type Page<T> = (Vec<T>, Option<String>);

impl<T: Send + 'static> Items<T> {
    /// `read` takes the items and the token from a page.
    pub(crate) fn new<P: Send + 'static>(first: Call<P>, token: &'static str, read: fn(P) -> Page<T>) -> Self {
        let mut request = first.and_then(move |page| Ok(read(page)));
        let next = request.copy().into_future();
        Self { request, token, page: VecDeque::new(), next: Some(next) }
    }

    /// Fails with this, if it is an error, before anything is sent.
    pub(crate) fn check(mut self, checked: Result<(), Error>) -> Self {
        if let Err(error) = checked {
            self.next = Some(Box::pin(std::future::ready(Err(error))));
        }
        self
    }

    /// The next item; `None` when there is none left, and after an error.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The page that a token leads to.
    fn after(&mut self, token: String) -> BoxFuture<'static, Result<Page<T>, Error>> {
        let call = self.request.copy().set_query(self.token, &token);
        let call = call.and_then(move |(items, next)| match next {
            Some(next) if next == token => Err(Unreadable::from("its next page is this page")),
            next => Ok((items, next)),
        });
        call.into_future()
    }
}

impl<T: Send + 'static> Stream for Items<T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.page.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(next) = &mut this.next else { return Poll::Ready(None) };
            let page = ready!(next.as_mut().poll(cx));
            this.next = None;
            match page {
                Err(error) => return Poll::Ready(Some(Err(error))),
                Ok((items, token)) => {
                    this.page = items.into();
                    // A page without items need not be the last.
                    this.next = token.filter(|token| !token.is_empty()).map(|token| this.after(token));
                }
            }
        }
    }
}

/// Nothing in it is pinned.
impl<T> Unpin for Items<T> {}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("operation", &self.request.operation().id).finish_non_exhaustive()
    }
}
