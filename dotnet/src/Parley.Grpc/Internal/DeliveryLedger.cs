namespace Parley;

/// <summary>The events that this process has in hand: none starts a second time while it runs or its result is on its way (DLV-4).</summary>
internal sealed class DeliveryLedger
{
    private readonly Lock _lock = new();
    private readonly Dictionary<HostedAgent, Page> _placed = [];
    private readonly Dictionary<AgentId, Page> _stateless = [];

    /// <summary>Takes up a delivery; null when it should start, else the run that goes on under its epoch and round, or itself when it is too old.</summary>
    public DeliveryRun? Admit(HostedAgent hosted, DeliveryRun run)
    {
        lock (_lock)
        {
            var page = PageOf(hosted);
            if (!hosted.IsStateless && !page.Enter(run))
            {
                return run;
            }

            page.Settle(run);
            // One that has not started has to take its place in the order anew; one that failed is tried again.
            if (page.InHand.TryGetValue(run.Position, out var known) && known.IsStarted && known.IsSameEvent(run)
                && !(known.HasFailed && run.Attempt > known.Attempt))
            {
                return known;
            }

            page.InHand[run.Position] = run;
            return null;
        }
    }

    /// <summary>True if the delivery may start: nothing newer has taken its place while it waited.</summary>
    public bool Start(HostedAgent hosted, DeliveryRun run)
    {
        lock (_lock)
        {
            var page = PageOf(hosted);
            var starts = (hosted.IsStateless || page.Enter(run))
                && page.InHand.TryGetValue(run.Position, out var current) && ReferenceEquals(current, run);
            run.IsStarted = starts;
            return starts;
        }
    }

    /// <summary>The delivery has failed: what was delivered after it in its round comes again (DLV-4).</summary>
    public void Fail(HostedAgent hosted, DeliveryRun run)
    {
        lock (_lock)
        {
            // A stateless agent's events have no order.
            if (!hosted.IsStateless)
            {
                PageOf(hosted).Close(run);
            }
        }
    }

    /// <summary>The delivery is settled, or wanted by nobody.</summary>
    public void Forget(HostedAgent hosted, DeliveryRun run)
    {
        lock (_lock)
        {
            var page = PageOf(hosted);
            if (page.InHand.TryGetValue(run.Position, out var current) && ReferenceEquals(current, run))
            {
                page.InHand.Remove(run.Position);
            }

            if (hosted.IsStateless && page.InHand.Count == 0)
            {
                _stateless.Remove(hosted.Id);
            }
        }
    }

    /// <summary>The agent's place here has ended: what it had in hand is somebody else's.</summary>
    public void Forget(HostedAgent hosted)
    {
        lock (_lock)
        {
            _placed.Remove(hosted);
        }
    }

    /// <summary>A session is over: results that an earlier one left are asked for by nobody any more.</summary>
    public void ForgetBefore(Session lost)
    {
        lock (_lock)
        {
            foreach (var page in _placed.Values)
            {
                // Whether the broker has heard of the failure is not known.
                page.Reopen();
            }

            foreach (var (id, page) in _stateless.ToArray())
            {
                foreach (var old in page.InHand.Values.Where(r => r.IsFinished && !r.IsOf(lost)).ToArray())
                {
                    page.InHand.Remove(old.Position);
                }

                if (page.InHand.Count == 0)
                {
                    _stateless.Remove(id);
                }
            }
        }
    }

    private Page PageOf(HostedAgent hosted)
    {
        if (hosted.IsStateless)
        {
            return _stateless.TryGetValue(hosted.Id, out var shared) ? shared : _stateless[hosted.Id] = new Page();
        }

        return _placed.TryGetValue(hosted, out var page) ? page : _placed[hosted] = new Page();
    }

    private sealed class Page
    {
        private string _incarnation = string.Empty;
        private ulong _round;
        private ulong _closedRound;
        private ulong _closedFrom;

        public SortedDictionary<ulong, DeliveryRun> InHand { get; } = [];

        /// <summary>True if its round is the newest one so far, or newer, and not over; rounds grow in one incarnation of the broker.</summary>
        public bool Enter(DeliveryRun run)
        {
            if (run.Incarnation != _incarnation)
            {
                (_incarnation, _round, _closedRound) = (run.Incarnation, 0, 0);
            }

            _round = Math.Max(_round, run.Round);
            return _round == run.Round && !(run.Round <= _closedRound && run.Position > _closedFrom);
        }

        /// <summary>The round is over from behind this delivery on.</summary>
        public void Close(DeliveryRun run)
        {
            if (run.Incarnation == _incarnation && run.Round >= _closedRound)
            {
                _closedFrom = run.Round == _closedRound ? Math.Min(_closedFrom, run.Position) : run.Position;
                _closedRound = run.Round;
            }
        }

        public void Reopen() => _closedRound = 0;

        /// <summary>A delivery comes: results below it that an earlier session left, and this one did not ask for, are settled.</summary>
        /// <remarks>In one session they await their answer, whatever the round: a newer one begins above them (DLV-4).</remarks>
        public void Settle(DeliveryRun coming)
        {
            foreach (var (below, run) in InHand.TakeWhile(r => r.Key < coming.Position).ToArray())
            {
                if (run.IsFinished && !run.IsSameSession(coming))
                {
                    InHand.Remove(below);
                }
            }
        }
    }
}
