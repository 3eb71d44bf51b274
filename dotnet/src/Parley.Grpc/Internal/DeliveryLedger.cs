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
            if (!hosted.IsStateless && !page.Enter(run.Incarnation, run.Round))
            {
                return run;
            }

            page.Settle(run.Position, run.Round);
            // One that has not started has to take its place in the order anew.
            if (page.InHand.TryGetValue(run.Position, out var known) && known.IsStarted)
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
            var starts = (hosted.IsStateless || page.Enter(run.Incarnation, run.Round))
                && page.InHand.TryGetValue(run.Position, out var current) && ReferenceEquals(current, run);
            run.IsStarted = starts;
            return starts;
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

        public SortedDictionary<ulong, DeliveryRun> InHand { get; } = [];

        /// <summary>True if that round is the newest one so far, or newer; rounds grow in one incarnation of the broker.</summary>
        public bool Enter(string incarnation, ulong round)
        {
            if (incarnation != _incarnation)
            {
                (_incarnation, _round) = (incarnation, 0);
            }

            _round = Math.Max(_round, round);
            return _round == round;
        }

        /// <summary>A delivery comes: results below it that were not asked for again in its round are settled.</summary>
        public void Settle(ulong position, ulong round)
        {
            foreach (var (below, run) in InHand.TakeWhile(r => r.Key < position).ToArray())
            {
                if (run.IsFinished && run.Round < round)
                {
                    InHand.Remove(below);
                }
            }
        }
    }
}
