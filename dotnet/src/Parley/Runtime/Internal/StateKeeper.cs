using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Parley;

/// <summary>What is kept of an agent (STA-1).</summary>
/// <param name="Data">A JSON object; empty: the agent never saved any.</param>
/// <param name="Version">Grows by 1 with every commit.</param>
internal readonly record struct SavedState(ReadOnlyMemory<byte> Data, ulong Version);

/// <summary>What is stored with a result, all or nothing (STA-4).</summary>
/// <param name="ExpectedVersion">The version that it replaces.</param>
/// <param name="State">The new state; null: it is as before.</param>
/// <param name="Counting">Which way of counting versions it belongs to: a refusal of an older one says nothing any more.</param>
internal sealed record StateChange(ulong ExpectedVersion, byte[]? State, int Counting);

/// <summary>Knows of one agent which state was said last, and which version the next commit replaces (STA-2, STA-3).</summary>
/// <remarks>
/// A standard agent's versions are counted on without waiting for answers; a refusal corrects the count. Those of an effectively-once agent
/// are counted on when a commit is confirmed: what was said last is then what is committed.
/// </remarks>
internal sealed class StateKeeper(bool keepsState, SavedState saved)
{
    // As Python writes it: only what JSON demands is escaped.
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _lock = new();
    private SavedState _saved = saved;
    private int _counting;
    private int _unanswered;
    private bool _isKnown = true;

    /// <summary>Whether the agent has a state at all.</summary>
    public bool KeepsState => keepsState;

    /// <summary>Held from asking the agent for its state until that has left, so that states leave in order.</summary>
    public AsyncGate Gate { get; } = new();

    /// <summary>What was said last.</summary>
    public SavedState Saved
    {
        get
        {
            lock (_lock)
            {
                return _saved;
            }
        }
    }

    /// <summary>Whether the broker may lack what was said.</summary>
    public bool IsUncertain
    {
        get
        {
            lock (_lock)
            {
                return !_isKnown;
            }
        }
    }

    /// <summary>What commits now; its state is null if the agent's is what was said last, unless <paramref name="always"/>.</summary>
    public async ValueTask<StateChange> TakeAsync(IAgent agent, bool always = false)
    {
        var data = keepsState ? Encode(await agent.SaveStateAsync().ConfigureAwait(true), agent) : null;
        lock (_lock)
        {
            return new StateChange(_saved.Version, data is not null && (always || !_isKnown || !data.AsSpan().SequenceEqual(_saved.Data.Span)) ? data : null, _counting);
        }
    }

    /// <summary>The change counts from now on.</summary>
    public void Said(StateChange change)
    {
        lock (_lock)
        {
            if (change.Counting == _counting)
            {
                _unanswered++;
                _isKnown |= change.State is not null;
                _saved = new SavedState(change.State ?? _saved.Data, change.ExpectedVersion + 1);
            }
        }
    }

    /// <summary>The broker has not stored it, or that is not known; true if that is news.</summary>
    /// <param name="change">What was said.</param>
    /// <param name="actual">The broker's version, if it said so.</param>
    public bool Refused(StateChange change, ulong? actual)
    {
        lock (_lock)
        {
            if (change.Counting != _counting)
            {
                return false;
            }

            CountAnew(actual);
            return true;
        }
    }

    /// <summary>The broker has stored it.</summary>
    public void Stored(StateChange change)
    {
        lock (_lock)
        {
            _unanswered -= change.Counting == _counting ? 1 : 0;
        }
    }

    /// <summary>The session is over: what has no answer may be stored or not.</summary>
    public void SessionLost()
    {
        lock (_lock)
        {
            if (_unanswered > 0)
            {
                CountAnew();
            }
        }
    }

    /// <summary>Nothing is known of what was said since: the next state is said in any case.</summary>
    public void CountAnew(ulong? actual = null)
    {
        lock (_lock)
        {
            _saved = _saved with { Version = actual ?? _saved.Version };
            _counting++;
            (_unanswered, _isKnown) = (0, false);
        }
    }

    private static byte[] Encode(JsonElement state, IAgent agent)
    {
        if (state.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidOperationException($"SaveStateAsync of {agent.GetType()} returned {state.ValueKind}; a state is a JSON object.");
        }

        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, Writing))
        {
            state.WriteTo(writer);
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Has the agent load a saved state.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static ValueTask LoadAsync(IAgent agent, ReadOnlyMemory<byte> data)
    {
        // Parsed without a document of its own to dispose: the agent may keep it.
        var reader = new Utf8JsonReader(data.Span);
        return agent.LoadStateAsync(JsonElement.ParseValue(ref reader));
    }
}
