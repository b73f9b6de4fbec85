//! Work that is finished even if no one waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Runs where it is awaited; when it is dropped before its end, the rest runs in a task of its own.
pub(super) struct CompleteOnDrop<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> CompleteOnDrop<F> {
    pub(super) fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for CompleteOnDrop<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Work that panics, or is at its end, is not put back.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for CompleteOnDrop<F> {
    fn drop(&mut self) {
        if let (Some(rest), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::sync::oneshot;

    use crate::broker::complete_on_drop::CompleteOnDrop;

    #[tokio::test]
    async fn work_started_completes_after_drop() {
        let (go, wait) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let mut work = Box::pin(CompleteOnDrop::new(async move {
            let _ = wait.await;
            let _ = done.send(());
        }));
        let begun = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
        assert!(begun.is_pending());
        drop(work);
        go.send(()).expect("the work goes on");
        finished.await.expect("the work ends");
    }

    #[tokio::test]
    async fn work_not_started_completes_after_drop() {
        let (done, finished) = oneshot::channel();
        drop(CompleteOnDrop::new(async move { done.send(()) }));
        finished.await.expect("the work ends");
    }
}
